#include "attune/base/parameters.h"

#include <gtest/gtest.h>

namespace attune {
namespace {

enum class Solver { cholesky, gradient };
struct Sample {
  int factors = 64;
  double alpha = 0.5;
  bool seen = false;
  Solver solver = Solver::gradient;
};

const ParameterTable<Sample>& table() {
  static const ParameterTable<Sample> built = [] {
    ParameterTable<Sample> t;
    t.integer("factors", &Sample::factors, 1, 4096, "", "length of a vector")
        .real("alpha", &Sample::alpha, 0, 10, "", "unobserved weight")
        .flag("seen", &Sample::seen, "recommend seen items")
        .choice("solver", &Sample::solver, {"cholesky", "gradient"}, "how to solve");
    return t;
  }();
  return built;
}

TEST(ParameterTable, SetsPrintsAndKnowsDefaults) {
  Sample sample;
  ASSERT_TRUE(table().set(sample, "factors", "128"));
  ASSERT_TRUE(table().set(sample, "alpha", "0.25"));
  ASSERT_TRUE(table().set(sample, "seen", "yes"));
  ASSERT_TRUE(table().set(sample, "solver", "cholesky"));
  EXPECT_EQ(sample.factors, 128);
  EXPECT_EQ(sample.solver, Solver::cholesky);
  EXPECT_EQ(table().specs()[0].default_value, "64");
  EXPECT_EQ(table().specs()[3].default_value, "gradient");
  Sample copy;
  for (const auto& [name, value] : table().values(sample))
    ASSERT_TRUE(table().set(copy, name, value));
  EXPECT_EQ(table().values(copy), table().values(sample));
}

TEST(ParameterTable, NamesRangeChoiceAndNearestName) {
  Sample sample;
  const auto text = [&](const char* name, const char* value) {
    return table().set(sample, name, value).error().message;
  };
  EXPECT_NE(text("factor", "3").find("did you mean 'factors'"), std::string::npos);
  EXPECT_NE(text("factors", "0").find("1 to 4096"), std::string::npos);
  EXPECT_NE(text("factors", "1.5").find("whole number"), std::string::npos);
  EXPECT_NE(text("alpha", "nan").find("number"), std::string::npos);
  EXPECT_NE(text("solver", "choleski").find("did you mean 'cholesky'"), std::string::npos);
  EXPECT_NE(text("seen", "perhaps").find("true or false"), std::string::npos);
}

}  // namespace
}  // namespace attune
