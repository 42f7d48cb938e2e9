// Real files, counted against what is known of them. Skipped where the data are not there.
#include <gtest/gtest.h>

#include <unordered_set>

#include "attune/events/quality.h"
#include "reading.h"

namespace attune::events {
namespace {

struct Imported {
  QualityReport report;
  std::int64_t repeats = 0;
  std::string failure;
};

// As an import does: preset, or `map` over what inference finds.
Imported read_set(const std::string& file, const std::string& preset_name, const std::string& map) {
  Imported result;
  const auto fail = [&](const Error& error) {
    result.failure = error.message;
    return result;
  };
  ReadOptions reading;
  std::optional<Preset> preset;
  if (!preset_name.empty()) {
    const auto folder = std::filesystem::is_directory("presets") ? std::filesystem::path("presets")
                                                                 : *find_presets();
    preset = Preset::load(folder, preset_name).value();
    reading = preset->reading(Kind::events).value();
  }
  auto records = open_records(data_folder() / file, reading);
  if (!records) return fail(records.error());
  const RecordBatch* sample = (*records)->sample().value();
  Mapping mapping = parse_mapping(Kind::events, map).value();
  if (preset) {
    mapping = merge(preset->mapping(Kind::events, (*records)->columns()).value(), mapping);
  } else {
    mapping = infer_mapping(Kind::events, (*records)->columns(), *sample, mapping).mapping;
  }
  auto reader = EventReader::create(std::move(*records), mapping, london_shop());
  if (!reader) return fail(reader.error());
  std::unordered_set<std::uint64_t> seen;
  EventBatch batch;
  while (true) {
    const auto more = reader->next(batch);
    if (!more) return fail(more.error());
    if (!*more) return result;
    result.report.add(batch);
    for (const Event& event : std::as_const(batch).rows())
      result.repeats += !seen.insert(content_hash(event).low).second;
  }
}

TEST(DataSetsSlow, OnlineRetailGivesTheKnownCounts) {
  if (data_folder().empty())
    GTEST_SKIP() << "the data sets are not here; name their folder in ATTUNE_TEST_DATA";
  const Imported all = read_set("online-retail/online_retail.csv.gz", "online-retail", "");
  ASSERT_EQ(all.failure, "");
  const auto count = [&](const char* reason) { return all.report.reasons.at(reason).count; };
  EXPECT_EQ(all.report.rows_read, 541'909);
  EXPECT_EQ(all.report.rows_kept, 541'909);
  EXPECT_EQ(all.report.rows_quarantined, 0);
  EXPECT_EQ(all.repeats, 5'268);
  EXPECT_EQ(count("missing_customer"), 135'080);
  EXPECT_EQ(count("cancelled"), 9'288);
  EXPECT_EQ(count("zero_price"), 2'515);
  EXPECT_EQ(count("negative_price"), 2);
  EXPECT_EQ(count("missing_description"), 1'454);
  EXPECT_EQ(count("negative_quantity"), 1'336);
  EXPECT_EQ(format_iso(*all.report.first_time), "2010-12-01T08:26:00Z");
  EXPECT_EQ(format_iso(*all.report.last_time), "2011-12-09T12:50:00Z");
}

TEST(DataSetsSlow, OnlineRetailIsInferredAsThePresetSays) {
  if (data_folder().empty())
    GTEST_SKIP() << "the data sets are not here; name their folder in ATTUNE_TEST_DATA";
  const Imported all = read_set("online-retail/online_retail.csv.gz", "", "");
  ASSERT_EQ(all.failure, "");
  EXPECT_EQ(all.repeats, 5'268);
  EXPECT_EQ(all.report.reasons.at("cancelled").count, 9'288);
}

struct SetCase {
  const char* file;
  const char* preset;
  const char* map;
  std::int64_t rows;
  std::int64_t quarantined;
};
void PrintTo(const SetCase& c, std::ostream* out) { *out << c.file; }
class DataSets : public testing::TestWithParam<SetCase> {};

TEST_P(DataSets, GetIn) {
  if (data_folder().empty())
    GTEST_SKIP() << "the data sets are not here; name their folder in ATTUNE_TEST_DATA";
  const SetCase& c = GetParam();
  const Imported all = read_set(c.file, c.preset, c.map);
  ASSERT_EQ(all.failure, "");
  EXPECT_EQ(all.report.rows_read, c.rows);
  EXPECT_EQ(all.report.rows_quarantined, c.quarantined);
  if (c.quarantined != all.report.rows_quarantined) {
    for (const auto& [reason, count] : all.report.reasons) {
      if (!count.examples.empty())
        ADD_FAILURE() << reason << " " << count.count << " " << count.examples[0].line << ": "
                      << count.examples[0].text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, DataSets,
    testing::Values(
        SetCase{"movielens-100k/u.data.gz", "movielens", "", 100'000, 0},
        SetCase{"movielens-1m-part/ratings.dat.gz", "movielens", "", 487'650, 0},
        SetCase{"movielens-latest-small/ratings.csv.gz", "movielens", "", 100'836, 0},
        SetCase{"movielens-latest-small/ratings.csv.gz", "", "", 100'836, 0},
        SetCase{"cdnow/CDNOW_master.txt.gz", "", "", 69'659, 0},
        SetCase{"cdnow/CDNOW_sample.txt", "",
                "customer=column_1,time=column_3,quantity=column_4,value=column_5,type=purchase",
                6'919, 0},
        SetCase{"rees46-events-sample/2019-Oct-sample.csv", "", "", 1'000, 0},
        SetCase{"taobao-userbehavior-part/UserBehavior_first_users.csv.gz", "", "", 84'475, 0},
        SetCase{"complete-journey/transactions_sample.csv.gz", "", "", 75'000, 0},
        SetCase{"foursquare-singapore/train.txt.gz", "",
                "customer=column_1,item=column_2,quantity=column_3,type=view,time='2011-01-01'",
                69'159, 0},
        SetCase{"filmtrust/ratings.txt", "",
                "customer=column_1,item=column_2,rating=column_3,type=rating,time='2011-06-01'",
                35'497, 0},
        SetCase{"lastfm-hetrec-2011/user_artists.dat.gz", "",
                "customer=userID,item=artistID,quantity=weight,type=view,time='2011-06-01'", 92'834,
                0},
        SetCase{"amazon-video-games/Video.txt.gz", "",
                "customer=column_1,item=column_2,type=purchase,time='2014-07-01'", 287'107, 0}));

}  // namespace
}  // namespace attune::events
