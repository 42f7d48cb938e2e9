#include "attune/events/quality.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/events/quarantine.h"
#include "reading.h"

namespace attune::events {
namespace {

constexpr const char* kShortNames = "customer=c,item=i,time=t,price=p,type=purchase";

Rows<Event> some_rows() {
  return read_events(
      "c,i,t,p\nu,a,2020-01-01,1\n,b,2020-01-03,0\nu,c,2020-02-30,1\nu,d\nu,e,2020-01-02,x\n",
      kShortNames);
}

QualityReport report_of(const Rows<Event>& rows) {
  QualityReport report;
  report.file = "orders.csv";
  for (const auto& batch : rows.batches) report.add(*batch);
  report.assumptions = rows.assumptions;
  return report;
}

TEST(QualityReport, AccountsForEveryRow) {
  const auto rows = some_rows();
  const QualityReport report = report_of(rows);
  EXPECT_EQ(report.rows_read, 5);
  EXPECT_EQ(report.rows_kept, 2);
  EXPECT_EQ(report.rows_quarantined, 3);
  EXPECT_EQ(report.rows_flagged, 1);  // a day without a clock is noted, not flagged
  EXPECT_EQ(report.reasons.at("missing_customer").count, 1);
  EXPECT_EQ(report.reasons.at("zero_price").count, 1);
  EXPECT_EQ(report.reasons.at("date_only").count, 2);
  EXPECT_EQ(report.reasons.at("impossible_time").examples[0].line, 4);
  EXPECT_EQ(report.reasons.at("wrong_cell_count").examples[0].text, "u,d");
  EXPECT_EQ(format_date(*report.first_time), "2020-01-01");
  EXPECT_EQ(format_date(*report.last_time), "2020-01-03");
  EXPECT_EQ(report.event_types[static_cast<std::size_t>(EventType::purchase)], 2);
}

TEST(QualityReport, KeepsFiveExamplesOfEachReason) {
  std::string text = "c,i,t,p\n";
  for (int i = 0; i < 20; ++i) text += ",a,2020-01-01,1\n";
  const auto report = report_of(read_events(text, kShortNames));
  EXPECT_EQ(report.reasons.at("missing_customer").count, 20);
  EXPECT_EQ(report.reasons.at("missing_customer").examples.size(), 5u);
  EXPECT_EQ(report.reasons.at("missing_customer").examples[4].line, 6);
}

TEST(QualityReport, TakesRowsOutAgain) {
  const auto rows = some_rows();
  QualityReport report = report_of(rows);
  report.leave_out("exact_duplicate", 3, ",b", rows.rows[1].marks);
  EXPECT_EQ(report.rows_kept, 1);
  EXPECT_EQ(report.rows_flagged, 0);
  EXPECT_EQ(report.reasons.at("exact_duplicate").count, 1);
}

TEST(QualityReport, WritesJsonThatReadsBackTheSame) {
  QualityReport report = report_of(some_rows());
  report.distinct["customers"] = 1;
  report.reporting_currency = "GBP";
  report.foreign_amounts["EUR"] = 3;
  const std::string json = report.to_json();
  for (const char* name :
       {"\"rows_read\":5", "\"rows_kept\":2", "\"rows_flagged\":1", "\"rows_quarantined\":3",
        "\"reasons\":{", "\"missing_customer\":{\"count\":1,\"examples\":[{\"line\":3,",
        "\"assumptions\":[", "\"first_time\":\"2020-01-01T00:00:00Z\"",
        "\"distinct\":{\"customers\":1}", "\"event_types\":{\"purchase\":2}",
        "\"reporting_currency\":\"GBP\"", "\"foreign_amounts\":{\"EUR\":3}"}) {
    EXPECT_NE(json.find(name), std::string::npos) << name << " in " << json;
  }
  EXPECT_EQ(QualityReport::from_json(json).value().to_json(), json);
  EXPECT_FALSE(QualityReport::from_json("{\"rows_read\":1}").has_value());
  EXPECT_FALSE(QualityReport::from_json("[").has_value());
}

TEST(QualityReport, SumsSeveralFiles) {
  const std::vector<QualityReport> two{report_of(some_rows()), report_of(some_rows())};
  const QualityReport sum = combine(two);
  EXPECT_EQ(sum.rows_read, 10);
  EXPECT_EQ(sum.file, "orders.csv, orders.csv");
  EXPECT_EQ(sum.reasons.at("missing_customer").count, 2);
}

TEST(ReasonCodes, ListEveryMarkOnce) {
  std::set<std::string_view> codes;
  for (const ReasonInfo& reason : reason_codes())
    EXPECT_TRUE(codes.insert(reason.code).second) << reason.code;
  for (const Mark mark : all_marks()) EXPECT_TRUE(codes.contains(name(mark))) << name(mark);
}

// Quarantine.

TEST(QuarantineWriter, WritesRowsThatCanBeMendedAndReadWithTheSameMapping) {
  const std::string text =
      "c,i,t,p\nu,\"a,\"\"x\"\"\",2020-02-30,1\nu,d\nu,\"e,2020-01-02,x\nu,f,2020-01-01,1,2\n";
  const auto rows = read_events(text, kShortNames);
  ASSERT_EQ(rows.refused.size(), 4u);
  const auto path = std::filesystem::path(testing::TempDir()) / "quarantine.csv";
  QuarantineWriter writer(path, FileFormat::csv, {"c", "i", "t", "p"});
  ASSERT_TRUE(writer.add(rows.refused));
  ASSERT_TRUE(writer.close());
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  std::string written = read_file(path).value();
  EXPECT_TRUE(
      written.starts_with("attune_line,attune_reason,attune_message,c,i,t,p\n2,impossible_time,"))
      << written;
  // Unmended, all are refused again.
  const auto again = read_events(written, kShortNames);
  EXPECT_EQ(again.refused.size(), 4u) << again.failure << written;
  EXPECT_TRUE(again.rows.empty());
  // Mended, they are rows like any other.
  const auto mend = [&](std::string_view wrong, std::string_view right) {
    const std::size_t at = written.rfind(wrong);
    ASSERT_NE(at, std::string::npos) << wrong << " in " << written;
    written.replace(at, wrong.size(), right);
  };
  mend("2020-02-30,1", "2020-02-28,1");
  mend("u,d\n", "u,d,2020-01-01,1\n");
  mend("u,\"\"\"e\",2020-01-02,x", "u,e,2020-01-02,7");
  mend("2020-01-01,1,2", "2020-01-01,12");
  const auto mended = read_events(written, kShortNames);
  EXPECT_EQ(mended.rows.size(), 4u) << written;
  EXPECT_EQ(mended.rows[0].item, "a,\"x\"");
}

TEST(QuarantineWriter, WritesJsonObjectsOnceWithTheReasonInFront) {
  ReadOptions options;
  options.explode = "p";
  auto mapping =
      parse_mapping(Kind::events, "customer=c,item=p.i,time=t,type=e,quantity=p.n,explode=p")
          .value();
  const auto rows = read_rows<Event>(
      "{\"c\":\"u\",\"t\":\"2020-01-01\",\"e\":\"view\",\"p\":[{\"i\":\"a\",\"n\":\"x\"},{\"i\":"
      "\"b\",\"n\":\"y\"}]}\n{\"c\":\n",
      mapping, london_shop(), "e.jsonl");
  ASSERT_EQ(rows.refused.size(), 3u) << rows.failure;
  const auto path = std::filesystem::path(testing::TempDir()) / "quarantine.jsonl";
  QuarantineWriter writer(path, FileFormat::jsonl, {});
  ASSERT_TRUE(writer.add(rows.refused));
  ASSERT_TRUE(writer.close());
  EXPECT_EQ(writer.rows(), 3);
  std::string written = read_file(path).value();
  EXPECT_EQ(std::ranges::count(written, '\n'), 2) << written;
  const std::size_t x = written.rfind("\"x\"");
  written.replace(x, 3, "1");
  written.replace(written.rfind("\"y\""), 3, "2");
  const auto mended = read_rows<Event>(written, mapping, london_shop(), "e.jsonl");
  EXPECT_EQ(mended.rows.size(), 2u) << written;
  EXPECT_EQ(mended.refused.size(), 1u);
}

TEST(QuarantineWriter, MakesNoFileForNoRows) {
  const auto path = std::filesystem::path(testing::TempDir()) / "none.csv";
  std::filesystem::remove(path);
  QuarantineWriter writer(path, FileFormat::csv, {"a"});
  ASSERT_TRUE(writer.add({}));
  ASSERT_TRUE(writer.close());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(QuarantineWriter, SaysThatItsFolderIsNotThere) {
  QuarantineWriter writer("/nowhere/at/all.csv", FileFormat::csv, {"a"});
  const std::vector<Rejected> rows(1);
  EXPECT_EQ(writer.add(rows).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace attune::events
