#include "attune/decide/campaign_decision.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <iterator>

#include <fmt/compile.h>
#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/base/text.h"
#include "attune/decide/decision.h"
#include "json_append.h"

namespace attune::decide {
namespace {

void write_note(const CampaignPlan& plan, const CampaignOutcomes& outcomes, std::size_t index,
                std::string& note) {
  note.clear();
  switch (outcomes.reasons[index]) {
    case StopReason::cap_reached:
      note = describe(plan.caps[outcomes.caps[index]]);
      break;
    case StopReason::quiet_hours:
      note = fmt::format("quiet from {} to {}", print_minute_of_day(plan.quiet_hours->begin_minute),
                         print_minute_of_day(plan.quiet_hours->end_minute));
      break;
    default:
      break;
  }
}

void write_scores(const CampaignPlan& plan, std::span<const double> scores, bool reached,
                  std::vector<ScoredTreatment>& treatments) {
  treatments.resize(plan.treatments.size());
  for (std::size_t t = 0; t < treatments.size(); ++t) {
    treatments[t].name = plan.treatments[t];
    treatments[t].score.reset();
    if (reached && !scores.empty() && std::isfinite(scores[t])) treatments[t].score = scores[t];
  }
}

std::string assignment_text(const AssignmentSpec& assignment) {
  std::string out;
  append_member(out, "experiment", assignment.experiment);
  append_member(out, "salt", assignment.salt);
  out += ",\"holdout\":";
  append_number(out, assignment.holdout);
  out += ",\"arms\":[";
  for (std::size_t i = 0; i < assignment.arms.size(); ++i) {
    out += i > 0 ? ",[" : "[";
    append_text(out, assignment.arms[i].name);
    out += ',';
    append_number(out, assignment.arms[i].weight);
    out += ']';
  }
  out += "],\"group\":";
  return out;
}

void append_treatments(std::span<const ScoredTreatment> treatments, std::string& out) {
  for (std::size_t i = 0; i < treatments.size(); ++i) {
    out += i > 0 ? ",[" : "[";
    append_text(out, treatments[i].name);
    out += ',';
    append_number(out, treatments[i].score.value_or(std::nan("")));
    out += ']';
  }
}

void append_integer(std::string& out, std::integral auto number) {
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), number);
}

void append_choice(const std::optional<TreatmentChoice>& choice, std::string& out) {
  out += "],\"choice\":";
  if (!choice) {
    out += "null";
    return;
  }
  out += '[';
  append_integer(out, choice->treatment);
  out += ',';
  append_number(out, choice->probability);
  out += ']';
}

Error differs(const CampaignDecision& decision, std::string_view what) {
  return data_corruption(fmt::format(
      "decision {} does not replay: {}; the logged decision was changed, or its policy means "
      "something else in this version",
      attune::quoted(decision.id), what));
}

std::string group_name(const CampaignDecision& decision, std::uint16_t group) {
  if (group == kHeldOut) return "the holdout";
  if (group < decision.assignment.arms.size())
    return fmt::format("arm '{}'", attune::quoted(decision.assignment.arms[group].name));
  return fmt::format("arm {}", group);
}

std::string treatment_name(const CampaignDecision& decision, std::uint16_t treatment) {
  if (treatment < decision.treatments.size())
    return fmt::format("'{}'", attune::quoted(decision.treatments[treatment].name));
  return fmt::format("number {}", treatment);
}

// Whether the treatment is what the policy chooses.
Status replay_choice(const CampaignDecision& decision, const Assignment& assignment) {
  const auto policy = parse_treatment_policy(decision.policy);
  if (!policy) return std::unexpected(differs(decision, policy.error().message));
  const bool top = policy->rule == TreatmentRule::top;
  const std::size_t arms = assignment.spec().arms.size();
  if (decision.treatments.empty() || (!top && arms != decision.treatments.size()))
    return std::unexpected(differs(decision, "its arms are not its treatments"));
  std::vector<double> scores;
  for (const ScoredTreatment& treatment : decision.treatments)
    scores.push_back(treatment.score.value_or(std::nan("")));
  const TreatmentChoice again =
      choose_treatment(*policy, assignment, *decision.group, scores, decision.seed);
  const TreatmentChoice& logged = *decision.choice;
  if (logged.treatment != again.treatment) {
    return std::unexpected(
        differs(decision, fmt::format("the log has treatment {}, choosing again gives {}",
                                      treatment_name(decision, logged.treatment),
                                      treatment_name(decision, again.treatment))));
  }
  if (std::fabs(logged.probability - again.probability) > 1e-12 * again.probability) {
    return std::unexpected(
        differs(decision, fmt::format("the log gives the probability {}, choosing again {}",
                                      logged.probability, again.probability)));
  }
  return {};
}

}  // namespace

std::string campaign_decision_id(Timestamp now, std::uint64_t run_seed, CustomerNumber customer) {
  Rng random(run_seed, "campaign decision", static_cast<std::uint64_t>(customer.value));
  const std::uint64_t high = random.next();
  return make_id(now, high, random.next());
}

void describe(const CampaignPlan& plan, const CampaignInputs& inputs,
              const CampaignOutcomes& outcomes, std::size_t index, CampaignDecision& into) {
  const CustomerNumber customer = inputs.customers[index];
  into.id = campaign_decision_id(inputs.now, inputs.run_seed, customer);
  into.time = inputs.now;
  into.customer = customer;
  into.campaign = plan.campaign;
  into.version = plan.version;
  into.channel = plan.channel;
  into.reason = outcomes.reasons[index];
  write_note(plan, outcomes, index, into.note);
  into.retry_at.reset();
  if (outcomes.retry_at[index] != Timestamp{}) into.retry_at = outcomes.retry_at[index];
  into.assignment = plan.assignment.spec();
  into.group.reset();
  if (outcomes.groups[index] != kNotAssigned) into.group = outcomes.groups[index];
  into.policy = print_policy(plan.policy);
  into.seed = decision_seed(inputs.run_seed, customer);
  const bool sent = into.reason == StopReason::none;
  const std::size_t k = plan.treatments.size();
  write_scores(plan, inputs.scores.empty() ? inputs.scores : inputs.scores.subspan(index * k, k),
               sent, into.treatments);
  into.choice.reset();
  into.cost = {0, plan.currency};
  if (sent) {
    into.choice = outcomes.choices[index];
    into.cost.minor = plan.cost_minor[into.choice->treatment];
  }
}

void CampaignDecisionWriter::share(const CampaignDecision& decision) {
  campaign_ = decision.campaign;
  version_ = decision.version;
  time_ = decision.time;
  time_text_.clear();
  append_member(time_text_, "time", format_iso(decision.time));
  time_text_ += ",\"customer\":";
  campaign_text_.clear();
  append_member(campaign_text_, "campaign", decision.campaign);
  campaign_text_ += fmt::format(",\"version\":{}", decision.version);
  append_member(campaign_text_, "channel", name(decision.channel));
  assignment_text_ = assignment_text(decision.assignment);
  policy_text_.clear();
  append_member(policy_text_, "policy", decision.policy);
  policy_text_ += ",\"seed\":\"";
  std::vector<ScoredTreatment> treatments = decision.treatments;
  for (ScoredTreatment& one : treatments) one.score.reset();
  treatments_text_.clear();
  append_treatments(treatments, treatments_text_);
  currency_text_.clear();
  append_member(currency_text_, "currency",
                decision.cost.currency.known() ? decision.cost.currency.to_string() : "");
}

void CampaignDecisionWriter::append(const CampaignDecision& decision, std::string& out) {
  if (time_text_.empty() || campaign_ != decision.campaign || version_ != decision.version ||
      time_ != decision.time)
    share(decision);
  out += "{\"id\":";
  append_text(out, decision.id);
  out += time_text_;
  append_integer(out, decision.customer.value);
  out += campaign_text_;
  append_member(out, "reason", stop_reason_names()[static_cast<std::size_t>(decision.reason)]);
  append_member(out, "note", decision.note);
  if (decision.retry_at) {
    append_member(out, "retry_at", format_iso(*decision.retry_at));
  } else {
    out += ",\"retry_at\":null";
  }
  out += assignment_text_;
  if (!decision.group) {
    out += "null";
  } else {
    append_integer(out, *decision.group == kHeldOut ? -1 : static_cast<int>(*decision.group));
  }
  out += policy_text_;
  append_integer(out, decision.seed);
  out += "\",\"treatments\":[";
  const auto scored = [](const ScoredTreatment& one) { return one.score.has_value(); };
  if (std::ranges::any_of(decision.treatments, scored)) {
    append_treatments(decision.treatments, out);
  } else {
    out += treatments_text_;
  }
  append_choice(decision.choice, out);
  out += ",\"cost_minor\":";
  append_integer(out, decision.cost.minor);
  out += currency_text_;
  out += '}';
}

std::string to_json(const CampaignDecision& decision) {
  std::string out;
  CampaignDecisionWriter().append(decision, out);
  return out;
}

Status replay(const CampaignDecision& decision) {
  const auto assignment = Assignment::create(decision.assignment);
  if (!assignment) return std::unexpected(differs(decision, assignment.error().message));
  const auto gate = gate_of(decision.reason);
  if (decision.group.has_value() == (gate && *gate < Gate::assignment))
    return std::unexpected(differs(decision, "its group and its reason contradict each other"));
  if (!decision.group) return {};
  const std::uint16_t again = assignment->assign(decision.customer);
  if (*decision.group != again) {
    return std::unexpected(differs(
        decision, fmt::format("the log has {}, assigning again gives {}",
                              group_name(decision, *decision.group), group_name(decision, again))));
  }
  const bool held = decision.reason == StopReason::held_out;
  if (held != (again == kHeldOut) || decision.choice.has_value() != !gate)
    return std::unexpected(differs(decision, "its group and its reason contradict each other"));
  return decision.choice ? replay_choice(decision, *assignment) : Status();
}

}  // namespace attune::decide
