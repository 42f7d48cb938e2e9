#include "attune/engage/treatment_scores.h"

#include <limits>
#include <utility>

#include <fmt/format.h>

namespace attune::engage {

Result<TreatmentScorer> TreatmentScorer::compile(const Campaign& campaign,
                                                 const rules::Schema& schema,
                                                 const profiles::Vocabulary& names) {
  if (campaign.policy.rule != decide::TreatmentRule::top) {
    return std::unexpected(
        failed_precondition(fmt::format("campaign '{}' has no scores: its policy is {}",
                                        campaign.name, decide::print_policy(campaign.policy))));
  }
  TreatmentScorer scorer;
  for (const Treatment& treatment : campaign.treatments) {
    Score score;
    score.weight = treatment.weight;
    const auto field = schema.find_field(treatment.score);
    if (field && schema.fields()[*field].type == rules::Type::number) {
      score.field = *field;
    } else {
      auto rule = profiles::ProfileRule::compile(treatment.score, schema, names);
      if (!rule) {
        return std::unexpected(
            rule.error().within(fmt::format("the score of treatment '{}'", treatment.name)));
      }
      score.rule = *std::move(rule);
    }
    scorer.scores_.push_back(std::move(score));
  }
  return scorer;
}

void TreatmentScorer::score(const profiles::Profile& profile, const profiles::Vocabulary& names,
                            std::span<double> scores) const {
  ATTUNE_CHECK(scores.size() == scores_.size(), "a score for each treatment");
  const profiles::ProfileSource source(profile, names);
  for (std::size_t i = 0; i < scores_.size(); ++i) {
    const Score& one = scores_[i];
    double value = 0;
    if (one.rule) {
      value = one.rule->matches(profile, names) ? 1 : 0;
    } else {
      value = source.number(one.field).value_or(std::numeric_limits<double>::quiet_NaN());
    }
    scores[i] = value * one.weight;
  }
}

}  // namespace attune::engage
