#include "attune/learn/kmeans.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "attune/base/random.h"
#include "attune/learn/scaling.h"
#include "attune/math/kernels.h"

namespace attune::learn {
namespace {

using math::Matrix;

// `groups` blobs of deviation .1 around centres 10 apart.
Matrix blobs(std::int64_t groups, std::int64_t each) {
  Rng rng(1, "blobs");
  Matrix rows(groups * each, 2);
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const auto g = static_cast<double>(r % groups);
    rows(r, 0) = 10 * g + 0.1 * rng.normal();
    rows(r, 1) = (r % 2 ? 10.0 : 0.0) + 0.1 * rng.normal();
  }
  return rows;
}

TEST(KMeans, FindsGroupsThatLieApart) {
  const Matrix rows = blobs(4, 50);
  for (const KMeansStart start : {KMeansStart::plus_plus, KMeansStart::random}) {
    const KMeansModel model =
        fit_kmeans(rows, {.clusters = 4, .start = start, .restarts = 20}).value();
    EXPECT_TRUE(model.converged);
    EXPECT_EQ(model.sizes, (std::vector<std::int64_t>{50, 50, 50, 50}));
    for (std::int64_t r = 0; r < rows.rows(); ++r) {
      EXPECT_EQ(model.cluster[static_cast<std::size_t>(r)],
                static_cast<std::int32_t>(r % 4));  // ties: by first row
    }
    EXPECT_EQ(nearest_centres(model.centres, rows).value(), model.cluster);
  }
}

TEST(KMeans, LeavesABadStartByMovingCentres) {
  const Matrix rows = blobs(8, 40);
  const KMeansParameters one{
      .clusters = 9, .start = KMeansStart::random, .restarts = 1, .moves = 0};
  KMeansParameters moving = one;
  moving.moves = 30;
  int stuck = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    stuck += fit_kmeans(rows, one, {.seed = seed}).value().objective > 100;
    const KMeansModel model = fit_kmeans(rows, moving, {.seed = seed}).value();
    EXPECT_LT(model.objective, 10) << "seed " << seed;
    EXPECT_EQ(model.restart_objectives.size(), 1U);
  }
  EXPECT_GT(stuck, 5);
}

TEST(KMeans, IsTheSameInSinglePrecisionOnEveryInstructionSetAndNumberOfThreads) {
  Rng rng(5);
  math::MatrixF rows(3000, 5);
  for (float& x : rows.data()) x = static_cast<float>(static_cast<int>(10 * rng.normal()));
  Matrix wide(3000, 5);
  std::ranges::copy(rows.data(), wide.data().begin());
  const KMeansParameters parameters{.clusters = 40, .restarts = 2};
  const KMeansModel wanted = fit_kmeans(wide, parameters, {.threads = 1}).value();
  for (const std::string& set : math::instruction_sets()) {
    ASSERT_TRUE(math::use_instruction_set(set));
    for (const int threads : {1, 2}) {
      const KMeansModel model = fit_kmeans(rows, parameters, {.threads = threads}).value();
      EXPECT_EQ(model.cluster, wanted.cluster) << set;
      EXPECT_EQ(model.centres, wanted.centres) << set;
    }
  }
  ASSERT_TRUE(math::use_instruction_set(math::instruction_sets().front()));
}

TEST(KMeans, KnowsEveryRowsNearestCentreThoughItSkipsMostOfThem) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Rng rng(seed, "rows");
    Matrix rows(4000, 3);
    for (double& value : rows.data()) value = rng.normal() + static_cast<double>(4 * rng.below(2));
    for (const int iterations : {2, 5, 40}) {
      const KMeansModel model =
          fit_kmeans(rows,
                     {.clusters = 12, .restarts = 1, .moves = 2, .iterations_max = iterations},
                     {.seed = seed})
              .value();
      EXPECT_EQ(model.cluster, nearest_centres(model.centres, rows).value());
    }
  }
}

TEST(KMeans, ReportsTheObjectiveOfItsAssignment) {
  Rng rng(2);
  Matrix rows(200, 3);
  for (double& x : rows.data()) x = rng.normal();
  const KMeansModel model = fit_kmeans(rows, {.clusters = 7}).value();
  double objective = 0;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (std::int64_t c = 0; c < 3; ++c) {
      objective +=
          std::pow(rows(r, c) - model.centres(model.cluster[static_cast<std::size_t>(r)], c), 2);
    }
  }
  EXPECT_NEAR(model.objective, objective, 1e-9);
  EXPECT_EQ(model.restart_objectives.size(), 10u);
  for (const double other : model.restart_objectives) EXPECT_LE(model.objective, other);
  for (std::size_t c = 1; c < 7; ++c) EXPECT_GE(model.sizes[c - 1], model.sizes[c]);
}

TEST(KMeans, IsTheSameToTheBitForAnyThreadCount) {
  Rng rng(3);
  Matrix rows(5000, 4);
  for (double& x : rows.data()) x = rng.normal();
  const KMeansParameters parameters{.clusters = 6, .restarts = 2};
  const KMeansModel one = fit_kmeans(rows, parameters, {.threads = 1}).value();
  const KMeansModel three = fit_kmeans(rows, parameters, {.threads = 3}).value();
  EXPECT_EQ(one.centres, three.centres);
  EXPECT_EQ(one.cluster, three.cluster);
}

TEST(KMeans, LeavesNoClusterEmptyWhenRowsRepeat) {
  Matrix rows(30, 1);
  for (std::int64_t r = 0; r < 30; ++r) rows(r, 0) = static_cast<double>(r < 27 ? 0 : r);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const KMeansModel model =
        fit_kmeans(rows, {.clusters = 4, .restarts = 1}, {.seed = seed}).value();
    for (const std::int64_t size : model.sizes) EXPECT_GT(size, 0);
    EXPECT_NEAR(model.objective, 0, 1e-12);
  }
}

TEST(KMeans, SaysHowManyRowsDiffer) {
  const auto too_many = fit_kmeans(Matrix(4, 1, {1, 1, 2, 2}), {.clusters = 3});
  ASSERT_FALSE(too_many);
  EXPECT_NE(too_many.error().message.find("only 2 rows differ"), std::string::npos);
  EXPECT_FALSE(fit_kmeans(Matrix(2, 1, {1, std::nan("")}), {.clusters = 1}));
  EXPECT_FALSE(fit_kmeans(Matrix(), {.clusters = 1}));
  EXPECT_FALSE(fit_kmeans(Matrix(2, 1, {1, 2}), {.clusters = 0}));
  EXPECT_FALSE(nearest_centres(Matrix(1, 2), Matrix(1, 3)));
}

// Published by scikit-learn runs: letter, standardised, k 10, best of 10: 167,316.
TEST(KMeansGolden, ReachesTheObjectiveOfItsPeerOnLetterRecognition) {
  const char* given = std::getenv("ATTUNE_TEST_DATA");
  const std::filesystem::path data = given ? given : "../shared/data";
  std::ifstream file(data / "uci-letter/letter-recognition.data");
  if (!file) GTEST_SKIP() << "no data at " << data;
  std::vector<double> values;
  std::int64_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    std::istringstream fields(line);
    std::string field;
    std::getline(fields, field, ',');
    while (std::getline(fields, field, ',')) values.push_back(std::stod(field));
  }
  ASSERT_EQ(count, 20'000);
  const Matrix rows(count, 16, std::move(values));
  const ScalingKind kind = ScalingKind::z_score;
  const std::vector<std::string> names(16, "x");
  const Matrix scaled =
      Scaler::fit(rows, names, std::span(&kind, 1)).value().transform(rows).value();
  const KMeansModel model = fit_kmeans(scaled, {.clusters = 10}).value();
  EXPECT_LE(model.objective, 167'316 * 1.002);
}

TEST(NearestCentres, AreRightWhereFloatsOverflowOrVanish) {
  const auto nearest = [](std::vector<double> centres, std::int64_t columns,
                          std::vector<double> row) {
    const auto k = static_cast<std::int64_t>(centres.size()) / columns;
    math::Matrix all(k, columns), one(1, columns);
    std::ranges::copy(centres, all.data().begin());
    std::ranges::copy(row, one.data().begin());
    return nearest_centres(all, one, 1).value().front();
  };
  EXPECT_EQ(nearest({-1e18, 1e18, 3e19}, 1, {1.9e19}), 2);
  EXPECT_EQ(nearest({1.8e19, 1.8e19, 1e10, -1e10}, 2, {1e22, -1e22}), 1);
  EXPECT_EQ(nearest({0, 0, 0, 0, 3.25e-23, 3.25e-23, 3.25e-23, 3.25e-23}, 4,
                    {2.11e-23, 2.11e-23, 2.11e-23, 2.11e-23}),
            1);
}

}  // namespace
}  // namespace attune::learn
