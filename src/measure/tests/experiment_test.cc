#include "attune/measure/experiment.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/measure/multiplicity.h"
#include "attune/measure/sequential.h"

namespace attune::measure {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

struct Rows {
  std::vector<std::int32_t> arm, group;
  std::vector<double> bought, spent, orders, before;
};

// Three arms; arm 1 sells 40 % more to group 0 and nothing more to group 1, arm 2 does nothing.
Rows rows_of(std::size_t customers) {
  Rng random(31, "test.experiment");
  Rows rows;
  for (std::size_t i = 0; i < customers; ++i) {
    rows.arm.push_back(static_cast<std::int32_t>(random.below(3)));
    rows.group.push_back(static_cast<std::int32_t>(random.below(2)));
    const double lively = random.gamma(3, 1);
    const double lift = rows.arm.back() == 1 && rows.group.back() == 0 ? 1.4 : 1;
    const auto orders = static_cast<double>(random.poisson(lively * lift));
    rows.orders.push_back(orders);
    rows.spent.push_back(orders == 0 ? 0 : random.gamma(2 * orders, 5));
    rows.bought.push_back(orders > 0 ? 1 : 0);
    rows.before.push_back(lively * 10 + random.normal());
  }
  return rows;
}

ExperimentData data_of(const Rows& rows) {
  ExperimentData data;
  data.arms = {"none", "mail", "letter"};
  data.arm = rows.arm;
  data.metrics = {
      {"bought", rows.bought}, {"spent", rows.spent}, {"spent_per_order", rows.spent, rows.orders}};
  return data;
}

std::vector<double> of_arm(const Rows& rows, const std::vector<double>& column, int arm,
                           int group = -1) {
  std::vector<double> values;
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (rows.arm[i] == arm && (group < 0 || rows.group[i] == group)) values.push_back(column[i]);
  }
  return values;
}

TEST(Analyse, ComparesEveryTreatmentWithTheControl) {
  const Rows rows = rows_of(3000);
  const Experiment e = analyse(data_of(rows)).value();
  ASSERT_EQ(e.metrics.size(), 3U);
  EXPECT_EQ(e.metrics[0].kind, MetricKind::proportion);
  EXPECT_EQ(e.metrics[1].kind, MetricKind::mean);
  EXPECT_EQ(e.metrics[2].kind, MetricKind::ratio);
  for (const int arm : {1, 2}) {
    const Comparison& spent = e.metrics[1].comparisons[static_cast<std::size_t>(arm) - 1];
    const Difference wanted =
        compare(mean_of(of_arm(rows, rows.spent, arm)), mean_of(of_arm(rows, rows.spent, 0)))
            .value();
    EXPECT_EQ(spent.arm, static_cast<std::size_t>(arm));
    EXPECT_EQ(spent.difference->absolute, wanted.absolute);
    EXPECT_EQ(spent.difference->p_value, wanted.p_value);
    const Difference ratio =
        compare(ratio_of(of_arm(rows, rows.spent, arm), of_arm(rows, rows.orders, arm)),
                ratio_of(of_arm(rows, rows.spent, 0), of_arm(rows, rows.orders, 0)))
            .value();
    EXPECT_EQ(e.metrics[2].comparisons[static_cast<std::size_t>(arm) - 1].difference->absolute,
              ratio.absolute);
  }
  EXPECT_EQ(e.metrics[1].comparisons[0].verdict, Verdict::higher);
  EXPECT_EQ(e.metrics[1].comparisons[1].verdict, Verdict::not_told_apart);
  EXPECT_EQ(e.correction, "Dunnett intervals and Holm p values over 2 treatments");
}

TEST(Analyse, CorrectsForSeveralTreatments) {
  const Rows rows = rows_of(3000);
  const Experiment e = analyse(data_of(rows)).value();
  const auto& mail = e.metrics[1].comparisons[0];
  const auto& letter = e.metrics[1].comparisons[1];
  const std::vector<double> p =
      holm(std::vector<double>{mail.difference->p_value, letter.difference->p_value});
  EXPECT_EQ(mail.corrected->p_value, p[0]);
  EXPECT_EQ(letter.corrected->p_value, p[1]);
  const double multiple = (mail.corrected->absolute.high - mail.corrected->absolute.low) / 2 /
                          mail.difference->absolute.standard_error;
  EXPECT_NEAR(multiple, 2.21, .02);  // Dunnett's for two arms of one size, many degrees
  EXPECT_NEAR(
      std::log((1 + mail.corrected->relative->high) / (1 + mail.corrected->relative->value)),
      multiple * mail.difference->relative->standard_error, 1e-9);
}

TEST(Analyse, HasNothingToCorrectWithOneTreatment) {
  Rows rows = rows_of(600);
  for (std::int32_t& arm : rows.arm) arm %= 2;
  ExperimentData data = data_of(rows);
  data.arms.pop_back();
  data.shares = {2, 1};
  const Experiment e = analyse(data).value();
  EXPECT_FALSE(e.metrics[0].comparisons[0].corrected);
  EXPECT_THAT(e.correction, IsEmpty());
  EXPECT_FALSE(e.checks[0].alarm);
}

TEST(Analyse, CountsWhatIsMissingAndWhatIsInNoArm) {
  Rows rows = rows_of(900);
  rows.spent[3] = rows.spent[4] = rows.spent[5] = kMissing;
  rows.arm[10] = rows.arm[11] = -1;
  const Experiment e = analyse(data_of(rows)).value();
  std::int64_t missing = 0, customers = 0;
  for (const ArmMetric& arm : e.metrics[1].arms) {
    missing += arm.missing;
    customers += arm.customers;
  }
  EXPECT_EQ(missing, 3);
  EXPECT_EQ(customers, 895);
  EXPECT_EQ(e.left_out, 2);
  EXPECT_THAT(e.notes, Contains("2 rows in no arm are left out"));
  EXPECT_THAT(e.notes, Contains("spent: 3 rows without a value are left out of this metric"));
}

TEST(Analyse, RaisesTheAlarmWhereValuesAreMissingInOneArm) {
  Rows rows = rows_of(3000);
  for (std::size_t i = 0; i < rows.spent.size(); ++i) {
    if (rows.arm[i] == 1 && i % 10 == 0) rows.spent[i] = kMissing;
    if (rows.arm[i] != 1 && i % 100 == 0) rows.spent[i] = kMissing;
  }
  const Experiment e = analyse(data_of(rows)).value();
  ASSERT_EQ(e.checks.size(), 3U);  // sizes, spent, spent_per_order
  EXPECT_EQ(e.checks[1].name, "missing:spent");
  EXPECT_TRUE(e.checks[1].alarm);
}

TEST(Analyse, RaisesTheAlarmWhereAnArmLostCustomers) {
  Rows rows = rows_of(3000);
  for (std::size_t i = 0; i < rows.arm.size(); ++i) {
    if (rows.arm[i] == 2 && i % 3 == 0) rows.arm[i] = -1;
  }
  const Experiment e = analyse(data_of(rows)).value();
  EXPECT_EQ(e.checks[0].name, "sample_ratio");
  EXPECT_TRUE(e.checks[0].alarm);
  EXPECT_LT(*e.checks[0].p_value, kSampleRatioAlarm);
}

TEST(Analyse, CovariatesNarrowEveryKindOfMetric) {
  const Rows rows = rows_of(3000);
  ExperimentData data = data_of(rows);
  data.covariates = {{"before", rows.before}};
  const Experiment e = analyse(data).value();
  for (const MetricResult& metric : e.metrics) {
    ASSERT_TRUE(metric.correlation) << metric.name;
    const double wanted = std::sqrt(1 - *metric.correlation * *metric.correlation);
    for (const Comparison& c : metric.comparisons) {
      EXPECT_NEAR(c.narrowing, wanted, .02) << metric.name;
      EXPECT_NEAR(c.difference->absolute.value, c.unadjusted->absolute.value,
                  4 * c.unadjusted->absolute.standard_error);
    }
  }
  EXPECT_LT(e.metrics[1].comparisons[0].narrowing, .9);
}

TEST(Analyse, ACovariateThatIsMissingForSomeStillHelps) {
  Rows rows = rows_of(3000);
  ExperimentData whole = data_of(rows);
  std::vector<double> partly = rows.before;
  for (std::size_t i = 0; i < partly.size(); i += 3) partly[i] = kMissing;
  whole.covariates = {{"before", partly}};
  const MetricResult spent = analyse(whole)->metrics[1];
  EXPECT_LT(spent.comparisons[0].narrowing, .97);
  EXPECT_EQ(spent.arms[0].missing, 0);
}

TEST(Analyse, LeavesCovariatesOutThatSayNothing) {
  const Rows rows = rows_of(600);
  const std::vector<double> ones(600, 1), nothing(600, kMissing);
  ExperimentData data = data_of(rows);
  data.covariates = {{"ones", ones}, {"nothing", nothing}};
  const Experiment e = analyse(data).value();
  EXPECT_FALSE(e.metrics[0].correlation);
  EXPECT_EQ(e.metrics[0].comparisons[0].narrowing, 1);
  EXPECT_THAT(e.notes, Contains(HasSubstr("bought: the covariates explain nothing")));
}

TEST(Analyse, BreaksDownByGroupAndCorrectsOverAll) {
  const Rows rows = rows_of(6000);
  ExperimentData data = data_of(rows);
  data.group_name = "region";
  data.groups = {"north", "south"};
  data.group = rows.group;
  const Experiment e = analyse(data).value();
  const MetricResult& spent = e.metrics[1];
  ASSERT_EQ(spent.groups.size(), 2U);
  const Comparison& north = spent.groups[0].comparisons[0];
  const Difference wanted =
      compare(mean_of(of_arm(rows, rows.spent, 1, 0)), mean_of(of_arm(rows, rows.spent, 0, 0)))
          .value();
  EXPECT_EQ(north.difference->absolute, wanted.absolute);
  EXPECT_EQ(north.verdict, Verdict::higher);
  EXPECT_EQ(spent.groups[1].comparisons[0].verdict, Verdict::not_told_apart);
  // Four comparisons: the level of each is .9875, and the normal multiple 2.4977.
  EXPECT_NEAR((north.corrected->absolute.high - north.corrected->absolute.low) / 2 /
                  north.difference->absolute.standard_error,
              2.4977, .01);
  EXPECT_THAT(e.group_correction, HasSubstr("Bonferroni"));
}

TEST(Analyse, SaysWhetherGroupsDiffer) {
  const Rows rows = rows_of(6000);
  ExperimentData data = data_of(rows);
  data.groups = {"north", "south"};
  data.group = rows.group;
  const MetricResult spent = analyse(data)->metrics[1];
  ASSERT_EQ(spent.heterogeneity.size(), 2U);
  // Of two groups Q is the square of their difference over its error.
  const auto& a = spent.groups[0].comparisons[0].difference->absolute;
  const auto& b = spent.groups[1].comparisons[0].difference->absolute;
  const double z = (a.value - b.value) / std::hypot(a.standard_error, b.standard_error);
  EXPECT_NEAR(spent.heterogeneity[0].q, z * z, 1e-9);
  EXPECT_EQ(spent.heterogeneity[0].degrees, 1);
  EXPECT_LT(spent.heterogeneity[0].p_value, .001);
  EXPECT_GT(spent.heterogeneity[1].p_value, .001);
}

TEST(Analyse, SequentialIntervalsAreThoseOfTheSequence) {
  const Rows rows = rows_of(3000);
  const Experiment fixed = analyse(data_of(rows)).value();
  const Experiment daily = analyse(data_of(rows), {.planned = 12000}).value();
  EXPECT_DOUBLE_EQ(daily.fraction, .25);
  const auto& one = fixed.metrics[1].comparisons[0];
  const auto& other = daily.metrics[1].comparisons[0];
  const double error = one.difference->absolute.standard_error;
  EXPECT_NEAR(other.difference->absolute.high,
              one.difference->absolute.value + sequence_multiple(.25, .95) * error, 1e-12);
  EXPECT_NEAR(other.corrected->absolute.high,
              one.difference->absolute.value + sequence_multiple(.25, .975) * error, 1e-12);
  EXPECT_GT(other.difference->p_value, one.difference->p_value);
  EXPECT_THAT(daily.correction, HasSubstr("Bonferroni"));
}

TEST(Analyse, SaysTooLittleInsteadOfGuessing) {
  const Rows rows = rows_of(12);
  const Experiment e = analyse(data_of(rows)).value();
  for (const MetricResult& metric : e.metrics) {
    for (const Comparison& c : metric.comparisons) {
      ASSERT_FALSE(c.difference);
      EXPECT_THAT(c.difference.error().why, HasSubstr("are needed in each arm"));
      EXPECT_EQ(c.verdict, Verdict::too_little);
      EXPECT_FALSE(c.corrected);
      EXPECT_FALSE(c.detectable);
    }
  }
  ExperimentData nobody = data_of(rows);
  const std::vector<std::int32_t> none(12, -1);
  nobody.arm = none;
  EXPECT_FALSE(analyse(nobody)->checks[0].p_value);
}

TEST(Analyse, SaysWhichEffectWouldHaveBeenSeen) {
  Rows rows = rows_of(2000);
  for (std::int32_t& arm : rows.arm) arm %= 2;
  ExperimentData data = data_of(rows);
  data.arms.pop_back();
  const Comparison c = analyse(data)->metrics[0].comparisons[0];
  EXPECT_NEAR(*c.detectable, (1.959964 + .841621) * c.difference->absolute.standard_error, 1e-6);
}

TEST(Analyse, RefusesColumnsThatDoNotFit) {
  const Rows rows = rows_of(30);
  const auto message = [](const ExperimentData& data, const AnalyseOptions& options = {}) {
    const auto result = analyse(data, options);
    return result ? std::string() : result.error().message;
  };
  const ExperimentData good = data_of(rows);
  ExperimentData bad = good;
  bad.arms = {"one"};
  EXPECT_THAT(message(bad), HasSubstr("a control and a treatment"));
  bad = good;
  bad.control = 3;
  EXPECT_THAT(message(bad), HasSubstr("none of the arms"));
  bad = good;
  bad.metrics.clear();
  EXPECT_THAT(message(bad), HasSubstr("needs a metric"));
  bad = good;
  bad.shares = {1, 1};
  EXPECT_THAT(message(bad), HasSubstr("2 shares for 3 arms"));
  bad.shares = {1, 1, 0};
  EXPECT_THAT(message(bad), HasSubstr("above 0"));
  bad = good;
  bad.arms.pop_back();
  EXPECT_THAT(message(bad), HasSubstr("is in arm 2, but there are 2"));
  bad = good;
  bad.metrics[1].values = bad.metrics[1].values.first(29);
  EXPECT_THAT(message(bad), HasSubstr("metric 'spent' has 29 values for 30 rows"));
  std::vector<double> infinite = rows.spent;
  infinite[7] = std::numeric_limits<double>::infinity();
  bad = good;
  bad.metrics[1].values = infinite;
  EXPECT_THAT(message(bad), HasSubstr("metric 'spent' is infinite in row 7"));
  bad = good;
  bad.metrics[1].kind = MetricKind::proportion;
  EXPECT_THAT(message(bad), HasSubstr("its values are 0 and 1"));
  bad = good;
  bad.metrics[1].kind = MetricKind::ratio;
  EXPECT_THAT(message(bad), HasSubstr("a ratio without denominators"));
  EXPECT_THAT(message(good, {.level = 2}), HasSubstr("level is 2"));
  EXPECT_THAT(message(good, {.planned = -1}), HasSubstr("cannot be below 0"));
}

}  // namespace
}  // namespace attune::measure
