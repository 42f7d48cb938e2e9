// What each treatment of a campaign with policy top is worth to a customer. Answers: which scores
// does decide choose by?
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "attune/base/error.h"
#include "attune/engage/campaign.h"
#include "attune/profiles/fields.h"
#include "attune/profiles/profile.h"
#include "attune/profiles/terms.h"
#include "attune/rules/schema.h"

namespace attune::engage {

// Immutable; threads: const use from many. Lifetime: schema and vocabulary are needed while
// compiling only.
class TreatmentScorer {
 public:
  // Errors: invalid_argument that names the treatment, for a score that is neither a number field
  // nor a rule; failed_precondition for a campaign whose policy is not top.
  static Result<TreatmentScorer> compile(const Campaign& campaign, const rules::Schema& schema,
                                         const profiles::Vocabulary& names);

  std::size_t size() const { return scores_.size(); }
  // Shape: scores (size()). Missing values: NaN where the profile lacks the field.
  void score(const profiles::Profile& profile, const profiles::Vocabulary& names,
             std::span<double> scores) const;

 private:
  struct Score {
    std::size_t field = 0;  // of the schema, where there is no rule
    std::optional<profiles::ProfileRule> rule;
    double weight = 1;
  };
  std::vector<Score> scores_;
};

}  // namespace attune::engage
