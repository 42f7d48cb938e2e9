#include "../reasons.h"

#include "shop.h"

namespace attune::engine {
namespace {

using recommend::Explanation;

// Tells of every item what it was told to tell.
class Told final : public recommend::Recommender {
 public:
  explicit Told(Explanation explanation) : explanation_(std::move(explanation)) {}
  std::string_view name() const override { return "told"; }
  recommend::Capabilities capabilities() const override {
    return {.explains = true, .personal = true};
  }
  std::span<const ParameterSpec> parameter_specs() const override { return {}; }
  std::vector<std::pair<std::string, std::string>> parameters() const override { return {}; }

 protected:
  Status assign_parameter(std::string_view, std::string_view) override { return {}; }
  Result<recommend::FitReport> fit_model(const recommend::FitOptions&) override {
    return recommend::FitReport();
  }
  void score_all(const recommend::HistoryView&, std::span<float>) const override {}
  Explanation explain_score(const recommend::HistoryView&, std::int32_t) const override {
    return explanation_;
  }
  void write_model(math::ByteWriter&) const override {}
  Status read_model(math::ByteReader&) override { return {}; }

 private:
  Explanation explanation_;
};

std::vector<double> shares_of(Explanation explanation) {
  recommend::InteractionLog log;
  log.customers = 2;
  log.items = 4;
  log.events = {{0, 0, 1, {}}, {0, 1, 1, {}}, {1, 2, 1, {}}, {1, 3, 1, {}}};
  const auto interactions = recommend::Interactions::from_log(log);
  EXPECT_TRUE(interactions);
  Told told(std::move(explanation));
  EXPECT_TRUE(told.fit(*interactions));
  Model model;
  model.items = {ItemNumber{1}, ItemNumber{2}, ItemNumber{3}, ItemNumber{4}};
  const std::vector<std::int64_t> buyers{1, 1, 1, 1};
  const catalog::CatalogSnapshot catalog;
  const ReasonWriter writer(model, catalog, buyers, false);
  const std::vector<Reason> reasons = writer.reasons(told, recommend::Query::row(0), 3).value();
  std::vector<double> shares;
  for (const Reason& reason : reasons) shares.push_back(reason.share);
  return shares;
}

TEST(ReasonWriter, GivesPartsOfWhatSpeaksForTheItemEvenWhereMuchSpeaksAgainstIt) {
  // The score is a third of the first amount.
  const auto shares = shares_of(
      {.item = 3, .score = 0.2, .contributions = {{0, 1, 0.6}, {1, 1, 0.2}, {2, 1, -0.6}}});
  ASSERT_EQ(shares.size(), 2U);
  EXPECT_DOUBLE_EQ(shares[0], 0.75);
  EXPECT_DOUBLE_EQ(shares[1], 0.25);
}

TEST(ReasonWriter, CountsABaseThatSpeaksForTheItemAndExplainsAScoreBelowNothing) {
  const auto with_base =
      shares_of({.item = 3, .score = 1, .base = 0.5, .contributions = {{0, 1, 0.5}}});
  ASSERT_EQ(with_base.size(), 1U);
  EXPECT_DOUBLE_EQ(with_base[0], 0.5);
  const auto against = shares_of(
      {.item = 3, .score = -0.5, .base = -0.6, .contributions = {{0, 1, 0.3}, {1, 1, -0.2}}});
  ASSERT_EQ(against.size(), 1U);
  EXPECT_DOUBLE_EQ(against[0], 1);
}

}  // namespace
}  // namespace attune::engine
