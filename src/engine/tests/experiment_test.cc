#include "attune/engine/experiment.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "attune/base/random.h"
#include "attune/measure/rates.h"

namespace attune::engine {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class ExperimentFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/attune-experiment-XXXXXX";
    root_ = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name, std::ios::binary) << text;
    return root_ / name;
  }
  // 600 customers: half mailed; 20 % buy without a mail and 40 % with one; orders of 10 or 20.
  std::filesystem::path shop() const {
    Rng random(9, "test.experiment_file");
    std::string text = "id,sent,bought,spent,orders,before,country\n";
    for (int i = 0; i < 600; ++i) {
      const bool mailed = i % 2 == 1;
      const bool bought = random.chance(mailed ? .4 : .2);
      const int orders = bought ? 1 + static_cast<int>(random.below(2)) : 0;
      text += fmt::format("c{},{},{},{},{},{:.2f},{}\n", i, mailed ? "mail" : "none",
                          bought ? "TRUE" : "FALSE", 10 * orders, orders,
                          10 * orders + random.uniform(), i % 3 == 0 ? "FR" : "DE");
    }
    return write("shop.csv", text);
  }
  ExperimentRequest request(const std::filesystem::path& file) const {
    ExperimentRequest request;
    request.file = file;
    request.arm = "sent";
    request.control = "none";
    request.metrics = {"bought", "spent"};
    return request;
  }
  ExperimentReport analyse(const ExperimentRequest& request) {
    auto report = analyse_experiment(request, quiet_);
    if (!report) ADD_FAILURE() << to_string(report.error());
    return report ? *report : ExperimentReport();
  }
  std::string failure(const ExperimentRequest& request, ErrorCode code) {
    const auto report = analyse_experiment(request, quiet_);
    if (report) return "no failure";
    EXPECT_EQ(report.error().code, code);
    return to_string(report.error());
  }

  std::filesystem::path root_;
  NoProgress quiet_;
};

TEST_F(ExperimentFile, ReadsTruthsNumbersAndRatios) {
  ExperimentRequest r = request(shop());
  r.ratios = {"spent/orders"};
  const ExperimentReport report = analyse(r);
  EXPECT_EQ(report.rows, 600);
  const measure::Experiment& e = report.result;
  ASSERT_EQ(e.metrics.size(), 3U);
  EXPECT_EQ(e.arms[0].name, "none");
  EXPECT_EQ(e.metrics[0].kind, measure::MetricKind::proportion);
  EXPECT_EQ(e.metrics[1].kind, measure::MetricKind::mean);
  EXPECT_EQ(e.metrics[2].kind, measure::MetricKind::ratio);
  const measure::ArmMetric& mailed = e.metrics[0].arms[1];
  EXPECT_EQ(mailed.estimate,
            measure::wilson(static_cast<std::int64_t>(mailed.sum), mailed.customers));
  EXPECT_EQ(e.metrics[0].comparisons[0].verdict, measure::Verdict::higher);
  // An order is worth 10 in either arm.
  EXPECT_DOUBLE_EQ(e.metrics[2].arms[0].estimate->value, 10);
}

TEST_F(ExperimentFile, GivesTheSameAnswerFromJsonLines) {
  const ExperimentReport csv = analyse(request(shop()));
  std::ifstream in(root_ / "shop.csv");
  std::string line, text;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::vector<std::string> cells;
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t end = std::min(line.find(',', at), line.size());
      cells.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    text += fmt::format(R"({{"sent": "{}", "bought": {}, "spent": {}}})", cells[1],
                        cells[2] == "TRUE" ? "true" : "false", cells[3]) +
            "\n";
  }
  const ExperimentReport json = analyse(request(write("shop.jsonl", text)));
  for (std::size_t m = 0; m < 2; ++m) {
    EXPECT_EQ(json.result.metrics[m].comparisons[0].difference->absolute,
              csv.result.metrics[m].comparisons[0].difference->absolute);
  }
}

TEST_F(ExperimentFile, ReadsDecimalCommasAndCountsWhatIsMissing) {
  std::string text = "arm;spent\n";
  for (int i = 0; i < 40; ++i)
    text += fmt::format("{};{}\n", i % 2 == 0 ? "a" : "b", i == 7 ? "NA" : "1,5");
  text += ";2,5\n";
  ExperimentRequest r = request(write("comma.csv", text));
  r.arm = "arm";
  r.control = "a";
  r.metrics = {"spent"};
  const ExperimentReport report = analyse(r);
  EXPECT_DOUBLE_EQ(report.result.metrics[0].arms[0].sum, 30);
  EXPECT_EQ(report.result.metrics[0].arms[1].missing, 1);
  EXPECT_EQ(report.result.left_out, 1);
  EXPECT_THAT(report.result.notes, Contains("1 rows in no arm are left out"));
}

TEST_F(ExperimentFile, CountsLinesThatAreNoRows) {
  std::string text = "arm,x\n";
  for (int i = 0; i < 40; ++i) text += i % 2 == 0 ? "a,1\n" : "b,0\n";
  text += "a,1,2,3\n";
  ExperimentRequest r = request(write("broken.csv", text));
  r.arm = "arm";
  r.control = "a";
  r.metrics = {"x"};
  const ExperimentReport report = analyse(r);
  EXPECT_EQ(report.rejected, 1);
  EXPECT_THAT(report.result.notes, Contains(HasSubstr("broken.csv, line 42")));
}

TEST_F(ExperimentFile, TellsWhichColumnWasMeant) {
  ExperimentRequest r = request(shop());
  r.arm = "snt";
  EXPECT_THAT(failure(r, ErrorCode::not_found),
              AllOf(HasSubstr("--arm snt"), HasSubstr("did you mean 'sent'?")));
  r = request(shop());
  r.metrics = {"spend"};
  EXPECT_THAT(failure(r, ErrorCode::not_found), HasSubstr("did you mean 'spent'?"));
  r = request(shop());
  r.covariates = {"befor"};
  EXPECT_THAT(failure(r, ErrorCode::not_found), HasSubstr("--covariate befor"));
  r = request(shop());
  r.control = "nobody";
  EXPECT_THAT(failure(r, ErrorCode::not_found), HasSubstr("it holds 'mail', 'none'"));
}

TEST_F(ExperimentFile, NamesLineAndColumnOfACellThatIsNoNumber) {
  ExperimentRequest r = request(shop());
  r.metrics = {"country"};
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument),
              AllOf(HasSubstr("shop.csv, line 2, column 'country': 'FR'"), HasSubstr("blank")));
  r.metrics = {"x"};
  r.file = write("infinite.csv", "sent,x\nnone,1\nmail,inf\n");
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument), HasSubstr("line 3, column 'x': 'inf'"));
}

TEST_F(ExperimentFile, RefusesACustomerWhoStandsThereTwice) {
  ExperimentRequest r = request(shop());
  r.customer = "id";
  EXPECT_EQ(analyse(r).rows, 600);
  r.customer = "country";
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument),
              AllOf(HasSubstr("line 4"), HasSubstr("customer 'DE' stands in line 3 too")));
}

TEST_F(ExperimentFile, SaysHowARatioIsWritten) {
  ExperimentRequest r = request(shop());
  r.ratios = {"spent"};
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument), HasSubstr("such as revenue/orders"));
  r.ratios = {"spent/order"};
  EXPECT_THAT(failure(r, ErrorCode::not_found), HasSubstr("did you mean 'orders'?"));
  std::string text = "sent,a/b,c\n";
  for (int i = 0; i < 60; ++i)
    text += fmt::format("{},{},2\n", i % 2 == 0 ? "none" : "mail", i % 5 + 1);
  r = request(write("slash.csv", text));
  r.metrics.clear();
  r.ratios = {"a/b/c"};
  EXPECT_EQ(analyse(r).result.metrics[0].name, "a/b/c");
}

TEST_F(ExperimentFile, TakesPlannedSharesByArm) {
  ExperimentRequest r = request(shop());
  EXPECT_FALSE(analyse(r).result.checks[0].alarm);
  r.shares = {"none=0.2", "mail=0.8"};
  EXPECT_TRUE(analyse(r).result.checks[0].alarm);
  r.shares = {"none=0.2"};
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument), HasSubstr("arm 'mail' has none"));
  r.shares = {"none=x"};
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument), HasSubstr("ARM=SHARE"));
  r.shares = {"letter=1"};
  EXPECT_THAT(failure(r, ErrorCode::not_found), HasSubstr("no arm 'letter'"));
}

TEST_F(ExperimentFile, RefusesWhatIsNoExperiment) {
  ExperimentRequest r = request(shop());
  r.metrics.clear();
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument), HasSubstr("--metric COLUMN"));
  r = request(shop());
  r.arm = "id";
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument), HasSubstr("more than 50 values"));
  r = request(shop());
  r.by = "id";
  EXPECT_THAT(failure(r, ErrorCode::invalid_argument), HasSubstr("more than 200 values"));
  r = request(write("one.csv", "sent,bought,spent\nnone,1,2\nnone,0,0\n"));
  EXPECT_THAT(failure(r, ErrorCode::failed_precondition), HasSubstr("there is no treatment"));
  r = request(root_ / "absent.csv");
  EXPECT_THAT(failure(r, ErrorCode::not_found), HasSubstr("absent.csv"));
}

TEST_F(ExperimentFile, AnswersInJsonWithTooLittleAsAnAnswer) {
  ExperimentRequest r = request(shop());
  r.covariates = {"before"};
  r.by = "country";
  const boost::json::value json = boost::json::parse(experiment_json(analyse(r)));
  const auto& spent = json.at("metrics").at(1);
  EXPECT_EQ(spent.at("name").as_string(), "spent");
  EXPECT_LT(spent.at("comparisons").at(0).at("narrowing").as_double(), .1);
  EXPECT_EQ(spent.at("groups").at(0).at("group").as_string(), "DE");
  EXPECT_TRUE(spent.at("groups").at(0).at("comparisons").at(0).at("corrected").is_object());
  EXPECT_TRUE(json.at("metrics").at(0).at("comparisons").at(0).at("corrected").is_null());
  EXPECT_FALSE(json.at("sample_ratio").at("alarm").as_bool());
  const auto few = write("few.csv", "sent,bought,spent\nnone,1,2\nmail,0,0\nmail,1,5\n");
  const boost::json::value little = boost::json::parse(experiment_json(analyse(request(few))));
  const auto& answer = little.at("metrics").at(0).at("comparisons").at(0);
  EXPECT_EQ(answer.at("verdict").as_string(), "too_little");
  EXPECT_EQ(answer.at("difference").at("too_little").at("enough").as_int64(), 10);
}

TEST_F(ExperimentFile, SaysTooLittleDataToPeople) {
  const auto few = write("few.csv", "sent,bought,spent\nnone,1,2\nmail,0,0\nmail,1,5\n");
  const std::string text = experiment_text(analyse(request(few)), {});
  EXPECT_THAT(text, HasSubstr("too little data: 1 customers in the control, 10 are needed in each "
                              "arm; about 10 would do"));
}

TEST_F(ExperimentFile, WritesAPageThatNoNameBreaks) {
  std::string text = "arm,x,g\n";
  for (int i = 0; i < 200; ++i) {
    text += fmt::format("{},{},{}\n", i % 2 == 0 ? "<b>old</b>" : "new&shiny", i % 7,
                        i % 3 == 0 ? "<script>" : "plain");
  }
  ExperimentRequest r = request(write("names.csv", text));
  r.arm = "arm";
  r.control = "<b>old</b>";
  r.metrics = {"x"};
  r.by = "g";
  const std::string page = experiment_page(analyse(r));
  EXPECT_THAT(page, AllOf(HasSubstr("no difference"), HasSubstr("&lt;script&gt;"),
                          Not(HasSubstr("<script>")), Not(HasSubstr("<b>old"))));
}

TEST(PlanExperiment, AsksForWhatIsMissing) {
  EXPECT_FALSE(plan_experiment({.effect = .1}));
  EXPECT_FALSE(plan_experiment({.rate = .1}));
  EXPECT_FALSE(plan_experiment({.rate = .1, .effect = .1, .customers = 10}));
  EXPECT_FALSE(plan_experiment({.rate = .1, .deviation = 3, .effect = .1}));
  EXPECT_EQ(plan_experiment({.deviation = 2, .effect = 1})->control, 64);
  EXPECT_NEAR(plan_experiment({.deviation = 2, .customers = 200})->effect, 2 * .39814, 1e-4);
}

}  // namespace
}  // namespace attune::engine
