// What a campaign changed: everybody assigned, sent or not, with what they did afterwards. Reads
// the log alone.
#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engine/campaigns.h"
#include "campaign_events.h"
#include "campaign_lists.h"
#include "campaign_touches.h"
#include "campaign_writing.h"

namespace attune::engine {
namespace {

using engage::OutcomeValue;

constexpr std::string_view kOrdersGroup = "orders";

// One column of numbers a customer.
struct Outcomes {
  std::vector<double> conversion, count, revenue;
  explicit Outcomes(std::size_t size) : conversion(size), count(size), revenue(size) {}
  const std::vector<double>& of(OutcomeValue value) const {
    return value == OutcomeValue::conversion ? conversion
           : value == OutcomeValue::count    ? count
                                             : revenue;
  }
  void add(std::size_t row, double value) {
    conversion[row] = 1;
    count[row] += 1;
    revenue[row] += value;
  }
};

class ReportBuilder {
 public:
  ReportBuilder(Workspace& workspace, CampaignReport& report)
      : workspace_(workspace),
        report_(report),
        campaign_(report.campaign.campaign),
        window_(campaign_.outcome.days * kMicrosPerDay),
        unit_(std::pow(10, campaign_.currency.exponent())) {}

  Status build(const CampaignReportOptions& options, Customers* customers) {
    name_arms();
    if (goes_by_outbox(campaign_.channel)) ATTUNE_RETURN_IF_ERROR(read_handed_over());
    ATTUNE_RETURN_IF_ERROR(read_assignments());
    take_logged_shares();
    report_.assigned = static_cast<std::int64_t>(arm_.size());
    for (const Timestamp at : assigned_at_)
      report_.complete += at.micros + window_ <= report_.now.micros;
    Outcomes after(arm_.size()), before(arm_.size());
    if (!arm_.empty()) ATTUNE_RETURN_IF_ERROR(read_outcomes(after, before));
    if (!options.by.empty()) ATTUNE_RETURN_IF_ERROR(group(options.by, customers));
    ATTUNE_RETURN_IF_ERROR(analyse(after, before, options.analysis));
    fill_returns();
    ATTUNE_RETURN_IF_ERROR(fill_activity());
    note();
    return {};
  }

 private:
  bool shares() const { return campaign_.policy.rule == decide::TreatmentRule::shares; }

  void name_arms() {
    report_.has_holdout = campaign_.holdout.share > 0;
    if (report_.has_holdout) {
      arms_.emplace_back("holdout");
      shares_.push_back(campaign_.holdout.share);
    }
    const double rest = 1 - campaign_.holdout.share;
    if (!shares()) {
      arms_.emplace_back("treated");
      shares_.push_back(rest);
    } else {
      for (const engage::Treatment& treatment : campaign_.treatments) {
        arms_.push_back(treatment.name);
        shares_.push_back(rest * treatment.share);
      }
    }
    messages_.resize(arms_.size());
    cost_.resize(arms_.size());
  }

  std::optional<std::size_t> arm_of(const decide::CampaignDecision& decision) const {
    if (!decision.group) return std::nullopt;
    std::string_view name = "treated";
    if (*decision.group == decide::kHeldOut) {
      name = "holdout";
    } else if (shares()) {
      name = decision.assignment.arms[*decision.group].name;
    }
    const auto found = std::ranges::find(arms_, name);
    if (found == arms_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - arms_.begin());
  }

  // Decisions whose message left the house: sent, refused by the other side, or unknown. What was
  // withheld cost nothing.
  Status read_handed_over() {
    ATTUNE_ASSIGN_OR_RETURN(const auto feed, feed_of(workspace_, campaign_.name));
    if (!feed) return {};
    ATTUNE_ASSIGN_OR_RETURN(
        store::QueryResult rows,
        workspace_.history().query(
            "SELECT DISTINCT decision_id FROM visible_rows WHERE source = $4 AND type IN ($1, $2) "
            "AND decision_id IS NOT NULL AND epoch_us(time) <= $3",
            {static_cast<std::int64_t>(events::EventType::message_sent),
             static_cast<std::int64_t>(events::EventType::message_bounced), report_.now.micros,
             static_cast<std::int64_t>(*feed)}));
    return rows.for_each([&](const store::Chunk& chunk) -> Status {
      for (std::size_t i = 0; i < chunk.rows(); ++i) handed_over_.emplace(chunk.text(0, i));
      return {};
    });
  }

  // Counts a message, unless it never left.
  void count_message(const decide::CampaignDecision& decision, std::size_t arm) {
    if (!decision.choice) return;
    if (goes_by_outbox(campaign_.channel) && !handed_over_.contains(decision.id)) return;
    ++messages_[arm];
    cost_[arm] += decision.cost.minor;
  }

  // The shares under which a customer was assigned.
  void add_logged_shares(const decide::AssignmentSpec& spec) {
    logged_shares_.resize(arms_.size());
    const auto add = [&](std::string_view name, double share) {
      const auto found = std::ranges::find(arms_, name);
      if (found != arms_.end())
        logged_shares_[static_cast<std::size_t>(found - arms_.begin())] += share;
    };
    add("holdout", spec.holdout);
    if (!shares()) {
      add("treated", 1 - spec.holdout);
      return;
    }
    double weights = 0;
    for (const decide::Arm& arm : spec.arms) weights += arm.weight;
    for (const decide::Arm& arm : spec.arms)
      add(arm.name, (1 - spec.holdout) * arm.weight / weights);
  }

  // Groups are compared with the shares that held when each customer was assigned, whatever the
  // campaign's last version says.
  void take_logged_shares() {
    if (arm_.empty()) return;
    for (std::size_t arm = 0; arm < arms_.size(); ++arm) {
      const double share = logged_shares_[arm] / static_cast<double>(arm_.size());
      if (std::abs(share - shares_[arm]) < 1e-9) continue;
      shares_changed_ = true;
      shares_[arm] = share;
    }
  }

  // A customer belongs to the group of the first decision, from its moment on.
  Status read_assignments() {
    ATTUNE_ASSIGN_OR_RETURN(merges_, workspace_.identity().merges());
    ATTUNE_ASSIGN_OR_RETURN(
        report_.forgotten,
        for_each_assignment(
            workspace_, campaign_.name, Timestamp{INT64_MIN},
            [&](CustomerNumber number, const decide::CampaignDecision& decision) -> Status {
              const auto arm = arm_of(decision);
              if (!arm || decision.time > report_.now) return {};
              const auto [row, fresh] = rows_.try_emplace(merges_.root(number), arm_.size());
              if (fresh) {
                arm_.push_back(static_cast<std::int32_t>(*arm));
                assigned_at_.push_back(decision.time);
                add_logged_shares(decision.assignment);
              }
              count_message(decision, static_cast<std::size_t>(arm_[row->second]));
              return {};
            }));
    return {};
  }

  // Lines of one order are one event of the kind. In the order of events: sums of money come out
  // the same however many threads read.
  Status read_outcomes(Outcomes& after, Outcomes& before) {
    const auto [first, last] = std::ranges::minmax(assigned_at_);
    ATTUNE_ASSIGN_OR_RETURN(const auto names,
                            workspace_.event_history().labels(events::LabelKind::currency));
    ATTUNE_ASSIGN_OR_RETURN(
        store::QueryResult rows,
        workspace_.history().query(
            "SELECT customer, epoch_us(min(time)), sum(value_minor)::DOUBLE, currency FROM "
            "visible_rows WHERE type = $1 AND customer <> 0 AND epoch_us(time) >= $2 AND "
            "epoch_us(time) <= $3 GROUP BY customer, coalesce(order_id, '#' || sequence), currency "
            "ORDER BY min(sequence), currency",
            {static_cast<std::int64_t>(campaign_.outcome.event), first.micros - window_,
             std::min(last.micros + window_, report_.now.micros)}));
    return rows.for_each([&](const store::Chunk& chunk) -> Status {
      const auto customers = chunk.int64(0), times = chunk.int64(1), currencies = chunk.int64(3);
      const auto values = chunk.real(2);
      for (std::size_t i = 0; i < chunk.rows(); ++i) {
        const auto row = rows_.find(merges_.root(CustomerNumber{customers[i]}));
        if (row == rows_.end()) continue;
        double value = chunk.is_null(2, i) ? 0 : values[i] / unit_;
        if (value != 0 && !chunk.is_null(3, i)) {
          const auto name = names.find(static_cast<std::int16_t>(currencies[i]));
          if (name == names.end() || name->second != campaign_.currency.to_string()) {
            ++foreign_;
            value = 0;
          }
        }
        const std::int64_t since = times[i] - assigned_at_[row->second].micros;
        if (since > window_ || since < -window_) continue;
        (since > 0 ? after : before).add(row->second, value);
        const bool revenue = campaign_.outcome.event == events::EventType::purchase;
        if (since > 0) outcomes_.push_back({row->second, times[i], revenue ? value : 1});
      }
      return {};
    });
  }

  Status analyse(const Outcomes& after, const Outcomes& before,
                 const measure::AnalyseOptions& options) {
    measure::ExperimentData data;
    data.arms = arms_;
    data.arm = arm_;
    data.shares = shares_;
    const OutcomeValue first = campaign_.outcome.value;
    const bool purchases = campaign_.outcome.event == events::EventType::purchase;
    const auto add = [&](OutcomeValue value, const char* name) {
      const auto kind = value == OutcomeValue::conversion ? measure::MetricKind::proportion
                                                          : measure::MetricKind::mean;
      data.metrics.push_back({name, after.of(value), {}, kind});
    };
    const auto add_named = [&](OutcomeValue value) {
      add(value, value == OutcomeValue::conversion ? "conversion"
                 : value == OutcomeValue::count    ? "count"
                                                   : "revenue");
    };
    add_named(first);
    if (first != OutcomeValue::conversion) add_named(OutcomeValue::conversion);
    if (purchases && first != OutcomeValue::revenue) add_named(OutcomeValue::revenue);
    const std::vector<double>& covariate = before.of(first);
    // A column of equal values tells nothing.
    if (std::ranges::adjacent_find(covariate, std::ranges::not_equal_to()) != covariate.end())
      data.covariates.push_back({"the same before", covariate});
    data.group_name = group_name_;
    data.groups = groups_;
    data.group = group_;
    if (arms_.size() < 2) {
      arms_.emplace_back("holdout");  // nobody: there is nothing to compare with
      data.arms = arms_;
      data.shares.push_back(1e-9);
    }
    ATTUNE_ASSIGN_OR_RETURN(report_.experiment, measure::analyse(data, options));
    return {};
  }

  // Groups of customers by what was so before the assignment, or by a segment as it holds now.
  Status group(const std::string& by, Customers* customers) {
    group_name_ = by;
    if (by == kOrdersGroup) return group_by_orders();
    if (customers == nullptr) return std::unexpected(internal_error("a breakdown needs profiles"));
    ATTUNE_ASSIGN_OR_RETURN(const auto segments, customers->segments());
    std::vector<std::string> names{std::string(kOrdersGroup)};
    for (const profiles::Segment& segment : segments) names.push_back(segment.name);
    if (std::ranges::find(names, by) == names.end()) {
      return std::unexpected(invalid_argument(
          fmt::format("by: there is no segment '{}'{}; '{}' breaks down by orders before",
                      attune::quoted(by), did_you_mean(by, names), kOrdersGroup)));
    }
    groups_ = {"in " + by, "not in " + by};
    group_.assign(arm_.size(), 1);
    group_note_ = fmt::format(
        "segment '{}' as it holds now: where the campaign itself moves customers in or out of it, "
        "its groups cannot be compared",
        by);
    return customers->for_each([&](const profiles::Profile& profile) -> Status {
      const auto row = rows_.find(profile.customer);
      if (row != rows_.end() && std::ranges::binary_search(profile.segments, by))
        group_[row->second] = 0;
      return {};
    });
  }

  Status group_by_orders() {
    groups_ = {"no order before", "one order before", "several orders before"};
    group_.assign(arm_.size(), 0);
    if (arm_.empty()) return {};
    ATTUNE_ASSIGN_OR_RETURN(
        store::QueryResult rows,
        workspace_.history().query(
            "SELECT customer, epoch_us(min(time)) FROM visible_rows WHERE type = $1 AND customer "
            "<> 0 GROUP BY customer, coalesce(order_id, '#' || sequence)",
            {static_cast<std::int64_t>(events::EventType::purchase)}));
    return rows.for_each([&](const store::Chunk& chunk) -> Status {
      const auto customers = chunk.int64(0), times = chunk.int64(1);
      for (std::size_t i = 0; i < chunk.rows(); ++i) {
        const auto row = rows_.find(merges_.root(CustomerNumber{customers[i]}));
        if (row == rows_.end() || times[i] >= assigned_at_[row->second].micros) continue;
        group_[row->second] = std::min(group_[row->second] + 1, 2);
      }
      return {};
    });
  }

  void fill_returns() {
    const auto revenue =
        std::ranges::find(report_.experiment.metrics, "revenue", &measure::MetricResult::name);
    for (std::size_t arm = report_.has_holdout ? 1 : 0; arm < messages_.size(); ++arm) {
      TreatmentReturn one;
      one.treatment = arms_[arm];
      one.customers = report_.experiment.arms[arm].customers;
      one.messages = messages_[arm];
      one.cost = static_cast<double>(cost_[arm]) / unit_;
      if (report_.has_holdout && revenue != report_.experiment.metrics.end())
        fill_money(*revenue, arm, one);
      report_.returns.push_back(std::move(one));
    }
  }

  void fill_money(const measure::MetricResult& revenue, std::size_t arm,
                  TreatmentReturn& one) const {
    const auto comparison = std::ranges::find(revenue.comparisons, arm, &measure::Comparison::arm);
    if (comparison == revenue.comparisons.end() || !comparison->difference) return;
    const measure::Estimate& each =
        comparison->corrected ? comparison->corrected->absolute : comparison->difference->absolute;
    const auto times = [&](double factor) {
      return measure::Estimate{each.value * factor, each.low * factor, each.high * factor,
                               each.standard_error * factor};
    };
    const auto customers = static_cast<double>(one.customers);
    one.revenue = times(customers);
    if (!campaign_.margin) return;
    one.margin = times(customers * *campaign_.margin);
    if (one.cost > 0) one.on_investment = (one.margin->value - one.cost) / one.cost;
  }

  Status fill_activity() {
    std::vector<TreatmentActivity> by_arm(arms_.size());
    if (!arm_.empty()) {
      const auto [first, last] = std::ranges::minmax(assigned_at_);
      const Assigned assigned{merges_, rows_, arm_, first, last, report_.now};
      ATTUNE_RETURN_IF_ERROR(add_activity(workspace_, campaign_, assigned, by_arm));
      ATTUNE_RETURN_IF_ERROR(add_claims(workspace_, campaign_, assigned, outcomes_, by_arm));
    }
    for (std::size_t arm = report_.has_holdout ? 1 : 0; arm < messages_.size(); ++arm) {
      by_arm[arm].treatment = arms_[arm];
      // Given away with the decision: no event tells of a hand-over.
      if (!goes_by_outbox(campaign_.channel)) by_arm[arm].sent = messages_[arm];
      report_.activity.push_back(by_arm[arm]);
    }
    return {};
  }

  void note() {
    const auto add = [&](std::string text) { report_.notes.push_back(std::move(text)); };
    if (!report_.has_holdout) {
      add("nobody was held out: what the campaign caused cannot be told, treatments can only be "
          "compared with each other");
    }
    if (!group_note_.empty()) add(group_note_);
    if (shares_changed_) {
      add("the shares changed while the campaign ran: a treatment's customers are not all of one "
          "time, and planned numbers follow the shares that held when each was assigned");
    }
    if (report_.complete < report_.assigned) {
      add(fmt::format(
          "{} of {} customers are still within the {} days in which outcomes count: "
          "figures will change",
          report_.assigned - report_.complete, report_.assigned, campaign_.outcome.days));
    }
    if (report_.forgotten > 0)
      add(fmt::format("{} decisions about customers who were erased are left out",
                      report_.forgotten));
    if (foreign_ > 0)
      add(fmt::format("{} orders in another currency than {} count without their value", foreign_,
                      campaign_.currency.to_string()));
  }

  Workspace& workspace_;
  CampaignReport& report_;
  const engage::Campaign& campaign_;
  std::int64_t window_;
  double unit_;
  events::MergeMap merges_;
  std::vector<std::string> arms_;
  std::vector<double> shares_;
  std::vector<double> logged_shares_;  // sums over who was assigned
  bool shares_changed_ = false;
  std::unordered_set<std::string> handed_over_;  // decisions
  std::vector<std::int64_t> messages_, cost_;    // by arm
  std::unordered_map<CustomerNumber, std::size_t> rows_;
  std::vector<std::int32_t> arm_;
  std::vector<Timestamp> assigned_at_;
  std::vector<OutcomeAt> outcomes_;  // after the assignment
  std::string group_name_, group_note_;
  std::vector<std::string> groups_;
  std::vector<std::int32_t> group_;
  std::int64_t foreign_ = 0;
};

}  // namespace

Result<CampaignReport> Campaigns::report(std::string_view name, Timestamp now,
                                         const CampaignReportOptions& options,
                                         Customers* customers) {
  CampaignReport report;
  ATTUNE_ASSIGN_OR_RETURN(report.campaign, store_.find(name));
  report.now = now;
  ATTUNE_RETURN_IF_ERROR(workspace_->catch_up());
  ATTUNE_RETURN_IF_ERROR(ReportBuilder(*workspace_, report).build(options, customers));
  return report;
}

}  // namespace attune::engine
