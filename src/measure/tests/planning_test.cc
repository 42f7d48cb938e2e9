#include "attune/measure/planning.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/measure/difference.h"

namespace attune::measure {
namespace {

using ::testing::HasSubstr;

constexpr Baseline kUnit{.mean = 0, .deviation = 1};

// statsmodels 0.15 TTestIndPower().solve_power; 63.77 is also [Cohen1988]'s 64.
TEST(NeededCustomers, EqualsStatsmodelsForMeans) {
  EXPECT_EQ(needed_customers(kUnit, .5)->control, 64);
  EXPECT_EQ(needed_customers(kUnit, 1.5)->control, 9);
  // One control in ten, nine in ten treated: 1,167.68 and 10,509.15.
  const Plan holdout = needed_customers(kUnit, -.1, {.power = .9, .control_share = .1}).value();
  EXPECT_EQ(holdout.control, 1168);
  EXPECT_EQ(holdout.treatment, 10510);
  // Three treatments, each half of the control: 78,520.26 with alpha .05 / 3.
  const Plan three = needed_customers(kUnit, .02, {.treatments = 3, .control_share = .4}).value();
  EXPECT_NEAR(static_cast<double>(three.control), 78520.26, 16);
  EXPECT_NEAR(static_cast<double>(three.treatment), 39260.13, 8);
}

TEST(NeededCustomers, CovariatesSaveTheirShare) {
  const double plain = static_cast<double>(needed_customers(kUnit, .05)->customers);
  const double with =
      static_cast<double>(needed_customers(kUnit, .05, {.correlation = .6})->customers);
  EXPECT_NEAR(with / plain, 1 - .6 * .6, .001);
}

TEST(NeededCustomers, DailyLooksCostMore) {
  const double plain = static_cast<double>(needed_customers(kUnit, .05)->customers);
  const double daily =
      static_cast<double>(needed_customers(kUnit, .05, {.sequential = true})->customers);
  // ((3.0353 + 0.8416) / (1.9600 + 0.8416))²
  EXPECT_NEAR(daily / plain, 1.915, .005);
}

// The plan is kept: of 2,000 experiments of the size planned, 80 % ± 2.7 % (three standard errors)
// call the effect.
TEST(PlanSimulation, ProportionsAreCalledAsOftenAsPlanned) {
  const Baseline baseline{.mean = .1, .proportion = true};
  const Plan plan = needed_customers(baseline, .03, {.control_share = .3}).value();
  int called = 0;
  for (std::uint64_t run = 0; run < 2000; ++run) {
    Rng random(23, "test.plan", run);
    std::int64_t control = 0, treated = 0;
    for (std::int64_t i = 0; i < plan.control; ++i) control += random.chance(.1) ? 1 : 0;
    for (std::int64_t i = 0; i < plan.treatment; ++i) treated += random.chance(.13) ? 1 : 0;
    const auto d =
        compare(proportion_of(treated, plan.treatment), proportion_of(control, plan.control));
    called += d && d->p_value < .05 ? 1 : 0;
  }
  EXPECT_NEAR(called / 2000., .8, .027);
}

// statsmodels 0.15: 100 customers an arm show .39814 deviations.
TEST(DetectableEffect, EqualsStatsmodelsForMeans) {
  EXPECT_NEAR(detectable_effect(kUnit, 200)->effect, 0.3981391138964959, 1e-6);
}

TEST(DetectableEffect, TurnsNeededCustomersAround) {
  const Baseline baseline{.mean = .1, .proportion = true};
  for (const double effect : {.01, .03, .2}) {
    const Plan needed = needed_customers(baseline, effect).value();
    EXPECT_GE(needed.power, .8);
    const Plan back = detectable_effect(baseline, needed.customers).value();
    EXPECT_LE(back.effect, effect);
    EXPECT_NEAR(back.effect / effect, 1, .02);
  }
}

TEST(DetectableEffect, SaysWhenNoEffectIsLargeEnough) {
  const auto none = detectable_effect({.mean = .99, .proportion = true}, 40);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::failed_precondition);
  EXPECT_THAT(none.error().message, HasSubstr("too few"));
}

TEST(PlanOptions, AreCheckedByName) {
  const auto message = [](const Baseline& baseline, double effect, const PlanOptions& options) {
    const auto plan = needed_customers(baseline, effect, options);
    return plan ? std::string() : plan.error().message;
  };
  EXPECT_THAT(message(kUnit, .1, {.level = 1}), HasSubstr("level"));
  EXPECT_THAT(message(kUnit, .1, {.power = .01}), HasSubstr("power"));
  EXPECT_THAT(message(kUnit, .1, {.treatments = 0}), HasSubstr("treatments"));
  EXPECT_THAT(message(kUnit, .1, {.control_share = 1}), HasSubstr("control_share"));
  EXPECT_THAT(message(kUnit, .1, {.correlation = -1}), HasSubstr("correlation"));
  EXPECT_THAT(message(kUnit, 0, {}), HasSubstr("other than 0"));
  EXPECT_THAT(message(kUnit, 1e-9, {}), HasSubstr("needs more than"));
  EXPECT_THAT(message({.mean = .1}, .1, {}), HasSubstr("standard deviation"));
  EXPECT_THAT(message({.mean = 1, .proportion = true}, .1, {}), HasSubstr("rate"));
  EXPECT_THAT(message({.mean = .1, .proportion = true}, 10, {}), HasSubstr("leaves 0 to 1"));
  EXPECT_FALSE(detectable_effect(kUnit, 3));
}

}  // namespace
}  // namespace attune::measure
