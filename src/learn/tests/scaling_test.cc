#include "attune/learn/scaling.h"

#include <cmath>

#include <gtest/gtest.h>

namespace attune::learn {
namespace {

const std::vector<std::string> kColumns{"a", "b"};

TEST(Scaler, BringsEachKindToItsRangeAndBack) {
  const math::Matrix rows(4, 2, {1, -100, 3, 0, 5, 40, 7, 1000});
  for (const ScalingKind kind : {ScalingKind::none, ScalingKind::min_max, ScalingKind::z_score,
                                 ScalingKind::log, ScalingKind::log_z_score}) {
    const Scaler scaler = Scaler::fit(rows, kColumns, std::span(&kind, 1)).value();
    const math::Matrix scaled = scaler.transform(rows).value();
    const math::Matrix back = scaler.invert(scaled).value();
    for (std::size_t i = 0; i < rows.data().size(); ++i)
      EXPECT_NEAR(back.data()[i], rows.data()[i], 1e-9);
    EXPECT_EQ(parse_scaling_kind(name_of(kind)).value(), kind);
    if (kind == ScalingKind::min_max) {
      EXPECT_DOUBLE_EQ(scaled(0, 0), 0);
      EXPECT_DOUBLE_EQ(scaled(3, 0), 1);
      EXPECT_DOUBLE_EQ(scaled(1, 0), 1.0 / 3);
    }
    if (kind == ScalingKind::z_score) {
      EXPECT_NEAR(scaled(0, 0), -3 / std::sqrt(5.0), 1e-12);  // mean 4, variance 5
    }
    if (kind == ScalingKind::log) {
      EXPECT_DOUBLE_EQ(scaled(0, 1), -std::log1p(100));
    }
  }
}

TEST(Scaler, TurnsAConstantColumnIntoZerosAndSaysSo) {
  const math::Matrix rows(3, 2, {0.1, 1, 0.1, 2, 0.1, 3});
  const std::vector<ScalingKind> kinds{ScalingKind::z_score, ScalingKind::min_max};
  const Scaler scaler = Scaler::fit(rows, kColumns, kinds).value();
  EXPECT_DOUBLE_EQ(scaler.transform(rows).value()(1, 0), 0);
  EXPECT_NE(scaler.report()[0].find("constant"), std::string::npos);
  EXPECT_EQ(scaler.report()[1], "b: minus 1, divided by 2 (smallest to largest of 3 rows)");
}

TEST(Scaler, KeepsMissingValuesMissingAndOutOfTheStatistics) {
  const math::Matrix rows(3, 2, {1, std::nan(""), 2, 4, 3, 8});
  const ScalingKind kind = ScalingKind::min_max;
  const Scaler scaler = Scaler::fit(rows, kColumns, std::span(&kind, 1)).value();
  const math::Matrix scaled = scaler.transform(rows).value();
  EXPECT_TRUE(std::isnan(scaled(0, 1)));
  EXPECT_DOUBLE_EQ(scaled(1, 1), 0);
  EXPECT_EQ(scaler.columns()[1].missing, 1);
}

TEST(Scaler, RefusesInfiniteValuesAndOtherShapes) {
  const ScalingKind kind = ScalingKind::z_score;
  const auto infinite =
      Scaler::fit(math::Matrix(1, 2, {1, INFINITY}), kColumns, std::span(&kind, 1));
  ASSERT_FALSE(infinite);
  EXPECT_NE(infinite.error().message.find("column 'b' is infinite in row 0"), std::string::npos);
  EXPECT_FALSE(Scaler::fit(math::Matrix(), kColumns, std::span(&kind, 1)));
  const Scaler scaler =
      Scaler::fit(math::Matrix(1, 2, {1, 2}), kColumns, std::span(&kind, 1)).value();
  EXPECT_FALSE(scaler.transform(math::Matrix(1, 3)));
  EXPECT_FALSE(parse_scaling_kind("z-score"));
}

}  // namespace
}  // namespace attune::learn
