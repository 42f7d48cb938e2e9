#include "attune/decide/campaign_gates.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "gate_seam.h"

namespace attune::decide {
namespace {

Error misfit(std::string_view what) {
  return invalid_argument(fmt::format("a campaign cannot be decided: {}", what));
}

Status check_length(std::string_view column, std::size_t length, std::size_t expected,
                    bool may_be_empty) {
  if (length == expected || (may_be_empty && length == 0)) return {};
  return std::unexpected(
      misfit(fmt::format("the column {} has {} values, expected {}", column, length, expected)));
}

Status check(const CampaignPlan& plan) {
  const std::size_t count = plan.treatments.size();
  if (count == 0 || count > kMaxArms)
    return std::unexpected(misfit(fmt::format("it has {} treatments", count)));
  if (plan.number == 0) return std::unexpected(misfit("its number is 0"));
  ATTUNE_RETURN_IF_ERROR(check_length("cost_minor", plan.cost_minor.size(), count, false));
  if (std::ranges::any_of(plan.cost_minor, [](std::int64_t cost) { return cost < 0; }))
    return std::unexpected(misfit("a treatment costs less than 0"));
  const bool shares = plan.policy.rule == TreatmentRule::shares;
  if (shares &&
      !std::ranges::equal(plan.treatments, plan.assignment.spec().arms, {}, {}, &Arm::name)) {
    return std::unexpected(misfit("with shares the arms of its experiment are its treatments"));
  }
  return {};
}

Status check_contacts(const CampaignInputs& inputs) {
  const auto offsets = inputs.contact_offsets;
  if (offsets.empty()) return {};
  if (!std::ranges::is_sorted(offsets) || offsets.back() > inputs.contacts.size())
    return std::unexpected(misfit("contact offsets fall, or lead past the contacts"));
  return {};
}

Status check(const CampaignPlan& plan, const CampaignInputs& inputs) {
  ATTUNE_RETURN_IF_ERROR(check(plan));
  const std::size_t n = inputs.customers.size();
  const bool top = plan.policy.rule == TreatmentRule::top;
  ATTUNE_RETURN_IF_ERROR(check_length("consent", inputs.consent.size(), n, false));
  ATTUNE_RETURN_IF_ERROR(check_length("modes", inputs.modes.size(), n, true));
  ATTUNE_RETURN_IF_ERROR(check_length("suppressed", inputs.suppressed.size(), n, false));
  ATTUNE_RETURN_IF_ERROR(check_length("eligibility", inputs.eligibility.size(), n, false));
  ATTUNE_RETURN_IF_ERROR(
      check_length("contact_offsets", inputs.contact_offsets.size(), n + 1, true));
  ATTUNE_RETURN_IF_ERROR(check_length("zones", inputs.zones.size(), n, true));
  ATTUNE_RETURN_IF_ERROR(
      check_length("scores", inputs.scores.size(), top ? n * plan.treatments.size() : 0, false));
  ATTUNE_RETURN_IF_ERROR(check_contacts(inputs));
  const auto past = [&](std::uint16_t zone) { return zone >= inputs.zone_list.size(); };
  if (std::ranges::any_of(inputs.zones, past))
    return std::unexpected(misfit("a customer's zone is not in the list"));
  return {};
}

// Whether it is quiet in a zone, and until when: the same for everybody there.
struct ZoneQuiet {
  bool quiet = false;
  Timestamp until;
};

ZoneQuiet quiet_in(const CampaignPlan& plan, const TimeZone& zone, Timestamp now) {
  if (!plan.quiet_hours || !is_quiet(*plan.quiet_hours, now, zone)) return {};
  return {true, next_allowed(*plan.quiet_hours, now, zone)};
}

// One pass over the customers.
class Run {
 public:
  Run(std::optional<Gate> without, const CampaignPlan& plan, const CampaignInputs& inputs,
      CampaignOutcomes& out)
      : without_(without),
        plan_(plan),
        in_(inputs),
        out_(out),
        windows_(CapWindows::make(inputs.now, plan.zone)),
        in_window_(inputs.now >= plan.begin && inputs.now < plan.end),
        dearest_(*std::ranges::max_element(plan.cost_minor)) {
    if (in_.zones.empty()) {
      quiet_.push_back(quiet_in(plan_, plan_.zone, in_.now));
    } else {
      for (const TimeZone& zone : in_.zone_list) quiet_.push_back(quiet_in(plan_, zone, in_.now));
    }
  }

  void decide() {
    const std::size_t n = in_.customers.size();
    out_.reasons.assign(n, StopReason::none);
    out_.groups.assign(n, kNotAssigned);
    out_.choices.assign(n, {});
    out_.caps.assign(n, kNoCap);
    out_.retry_at.assign(n, {});
    out_.counts = {};
    out_.left = in_.budget;
    out_.cost_minor = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const StopReason reason = ask(i);
      out_.reasons[i] = reason;
      out_.counts.add(reason);
      if (reason == StopReason::none) treat(i);
    }
  }

 private:
  bool stands(Gate gate) const { return without_ != gate; }

  StopReason ask(std::size_t i) {
    if (stands(Gate::consent)) {
      if (const StopReason no = consent(i); no != StopReason::none) return no;
    }
    if (stands(Gate::eligibility)) {
      if (const StopReason no = eligibility(i); no != StopReason::none) return no;
    }
    const std::uint16_t group = plan_.assignment.assign(in_.customers[i]);
    out_.groups[i] = group;
    if (group == kHeldOut && stands(Gate::assignment)) return StopReason::held_out;
    if (stands(Gate::caps) && capped(i)) return StopReason::cap_reached;
    if (stands(Gate::quiet_hours) && quiet(i)) return StopReason::quiet_hours;
    return stands(Gate::budget) ? budget() : StopReason::none;
  }

  StopReason consent(std::size_t i) const {
    if (in_.suppressed[i] != 0) return StopReason::suppressed;
    const auto mode = in_.modes.empty() ? privacy::ConsentMode::opt_in : in_.modes[i];
    if (privacy::allows(in_.consent[i], mode)) return StopReason::none;
    return in_.consent[i] == privacy::Consent::unknown ? StopReason::consent_unknown
                                                       : StopReason::consent_withdrawn;
  }

  StopReason eligibility(std::size_t i) const {
    if (!in_window_) return StopReason::outside_window;
    switch (in_.eligibility[i]) {
      case Eligibility::eligible:
        return StopReason::none;
      case Eligibility::unreachable:
        return StopReason::unreachable;
      case Eligibility::outside_audience:
        break;
    }
    return StopReason::outside_audience;
  }

  bool capped(std::size_t i) {
    std::span<const Contact> contacts;
    if (!in_.contact_offsets.empty()) {
      const auto from = static_cast<std::size_t>(in_.contact_offsets[i]);
      const auto to = static_cast<std::size_t>(in_.contact_offsets[i + 1]);
      contacts = in_.contacts.subspan(from, to - from);
    }
    const auto cap = reached_cap(plan_.caps, windows_, contacts, plan_.number, plan_.channel);
    if (!cap) return false;
    out_.caps[i] = static_cast<std::uint8_t>(*cap);
    out_.retry_at[i] = windows_.next(plan_.caps[*cap].period);
    return true;
  }

  bool quiet(std::size_t i) {
    const ZoneQuiet& zone = quiet_[in_.zones.empty() ? 0 : in_.zones[i]];
    if (zone.quiet) out_.retry_at[i] = zone.until;
    return zone.quiet;
  }

  StopReason budget() const {
    if (out_.left.messages && *out_.left.messages < 1) return StopReason::budget_messages;
    if (out_.left.money_minor && *out_.left.money_minor < dearest_) return StopReason::budget_money;
    return StopReason::none;
  }

  void treat(std::size_t i) {
    const std::size_t k = plan_.treatments.size();
    const std::span<const double> scores =
        in_.scores.empty() ? in_.scores : in_.scores.subspan(i * k, k);
    // Held out is somebody only where the gate was taken out.
    const std::uint16_t group = out_.groups[i] == kHeldOut ? std::uint16_t{0} : out_.groups[i];
    const TreatmentChoice choice = choose_treatment(plan_.policy, plan_.assignment, group, scores,
                                                    decision_seed(in_.run_seed, in_.customers[i]));
    out_.choices[i] = choice;
    const std::int64_t cost = plan_.cost_minor[choice.treatment];
    if (out_.left.messages) --*out_.left.messages;
    if (out_.left.money_minor) *out_.left.money_minor -= cost;
    // Without a limit the sum could pass what 64 bits hold; it stays at the largest then, which no
    // ledger grants.
    if (__builtin_add_overflow(out_.cost_minor, cost, &out_.cost_minor))
      out_.cost_minor = std::numeric_limits<std::int64_t>::max();
  }

  std::optional<Gate> without_;
  const CampaignPlan& plan_;
  const CampaignInputs& in_;
  CampaignOutcomes& out_;
  CapWindows windows_;
  bool in_window_;
  std::int64_t dearest_;
  std::vector<ZoneQuiet> quiet_;
};

}  // namespace

std::span<const std::string> gate_names() {
  static const std::vector<std::string> names{"consent", "eligibility", "assignment",
                                              "caps",    "quiet_hours", "budget"};
  return names;
}

std::span<const std::string> stop_reason_names() {
  static const std::vector<std::string> names{
      "none",           "consent_withdrawn", "consent_unknown", "suppressed",
      "outside_window", "outside_audience",  "unreachable",     "held_out",
      "cap_reached",    "quiet_hours",       "budget_money",    "budget_messages"};
  return names;
}

std::optional<Gate> gate_of(StopReason reason) {
  switch (reason) {
    case StopReason::none:
      return std::nullopt;
    case StopReason::consent_withdrawn:
    case StopReason::consent_unknown:
    case StopReason::suppressed:
      return Gate::consent;
    case StopReason::outside_window:
    case StopReason::outside_audience:
    case StopReason::unreachable:
      return Gate::eligibility;
    case StopReason::held_out:
      return Gate::assignment;
    case StopReason::cap_reached:
      return Gate::caps;
    case StopReason::quiet_hours:
      return Gate::quiet_hours;
    case StopReason::budget_money:
    case StopReason::budget_messages:
      break;
  }
  return Gate::budget;
}

std::int64_t GateCounts::customers() const {
  return std::accumulate(by_reason_.begin(), by_reason_.end(), std::int64_t{0});
}

std::int64_t GateCounts::stopped(Gate gate) const {
  std::int64_t sum = 0;
  for (std::size_t r = 0; r < by_reason_.size(); ++r)
    if (gate_of(static_cast<StopReason>(r)) == gate) sum += by_reason_[r];
  return sum;
}

std::int64_t GateCounts::asked(Gate gate) const {
  std::int64_t left = customers();
  for (int before = 0; before < static_cast<int>(gate); ++before)
    left -= stopped(static_cast<Gate>(before));
  return left;
}

GateCounts& GateCounts::operator+=(const GateCounts& other) {
  for (std::size_t r = 0; r < by_reason_.size(); ++r) by_reason_[r] += other.by_reason_[r];
  return *this;
}

Status decide_campaign_without(std::optional<Gate> without, const CampaignPlan& plan,
                               const CampaignInputs& inputs, CampaignOutcomes& outcomes) {
  ATTUNE_RETURN_IF_ERROR(check(plan, inputs));
  Run(without, plan, inputs, outcomes).decide();
  return {};
}

Status decide_campaign(const CampaignPlan& plan, const CampaignInputs& inputs,
                       CampaignOutcomes& outcomes) {
  return decide_campaign_without(std::nullopt, plan, inputs, outcomes);
}

}  // namespace attune::decide
