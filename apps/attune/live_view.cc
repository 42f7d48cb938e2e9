// What a live simulation says at its end: the report beside the truth.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/report/format.h"
#include "live_run.h"

namespace attune::cli {
namespace {

namespace json = boost::json;
using report::Align;
using simulate::EffectOnType;
using simulate::TrueEffect;

double unit_of(const Currency& currency) { return std::pow(10., currency.exponent()); }

double true_value(const LiveFigure& figure, const LiveResult& result) {
  const auto found = std::ranges::find(result.truth, figure.treatment, &TrueEffect::treatment);
  if (found == result.truth.end()) return 0;
  return figure.share ? found->overall.conversion
                      : found->overall.revenue_minor / unit_of(result.currency);
}

// Of an estimate as the report has it, or of one that it could not give.
void read_interval(const json::object& comparison, LiveFigure& figure) {
  const json::value& corrected = comparison.at("corrected");
  const json::object& difference = comparison.at("difference").as_object();
  if (const json::value* lacking = difference.if_contains("too_little")) {
    figure.too_little = lacking->at("why").as_string();
    return;
  }
  const json::value& absolute =
      corrected.is_object() ? corrected.at("absolute") : difference.at("absolute");
  const auto number = [&](const char* name) { return absolute.at(name).to_number<double>(); };
  figure.changed = {number("value"), number("low"), number("high")};
}

double arm_value(const json::object& metric, std::string_view arm) {
  for (const json::value& one : metric.at("arms").as_array()) {
    if (one.at("arm").as_string() != arm) continue;
    const auto customers = one.at("customers").to_number<double>();
    return customers > 0 ? one.at("sum").to_number<double>() / customers : 0;
  }
  return 0;
}

void read_figures(const json::value& report, LiveResult& result) {
  for (const json::value& each : report.at_pointer("/experiment/metrics").as_array()) {
    const json::object& metric = each.as_object();
    for (const json::value& comparison : metric.at("comparisons").as_array()) {
      LiveFigure& figure = result.figures.emplace_back();
      figure.metric = metric.at("name").as_string();
      figure.treatment = comparison.at("arm").as_string();
      figure.share = metric.at("kind").as_string() == "proportion";
      figure.held_out = arm_value(metric, "holdout");
      figure.treated = arm_value(metric, figure.treatment);
      read_interval(comparison.as_object(), figure);
      figure.truth = true_value(figure, result);
    }
  }
  for (const json::value& one : report.at("activity").as_array()) {
    LiveClaim& claim = result.claims.emplace_back();
    claim.treatment = one.at("treatment").as_string();
    claim.claimed = one.at("claimed_by_last_touch").to_number<double>();
    const auto found = std::ranges::find(result.truth, claim.treatment, &TrueEffect::treatment);
    if (found == result.truth.end()) continue;
    claim.truth = found->overall.revenue_minor / unit_of(result.currency) *
                  static_cast<double>(result.groups[claim.treatment]);
  }
}

void read_counts(const json::value& status, LiveResult& result) {
  const json::value& total = status.at("total");
  result.audience = total.at("audience").to_number<std::int64_t>();
  for (const json::value& gate : total.at("gates").as_array()) {
    for (const auto& [reason, count] : gate.at("reasons").as_object()) {
      const auto stopped = count.to_number<std::int64_t>();
      if (stopped > 0 && reason != "held_out") result.stopped[std::string(reason)] += stopped;
    }
  }
}

std::string signed_number(double value, bool share) {
  const std::string text = fmt::format("{:+.{}f}", share ? 100 * value : value, share ? 1 : 2);
  return share ? text + " pp" : text;
}

std::string plain_number(double value, bool share) {
  return share ? fmt::format("{:.1f} %", 100 * value) : fmt::format("{:.2f}", value);
}

report::Table figures_table(const LiveResult& result) {
  report::Table table({{"what", Align::left, 0},
                       {"treatment", Align::left, 0},
                       {"held out", Align::right, 0},
                       {"treated", Align::right, 0},
                       {"changed by", Align::right, 0},
                       {"95 % interval", Align::left, 0},
                       {"truth", Align::right, 0},
                       {"truth is", Align::left, 0}});
  for (const LiveFigure& figure : result.figures) {
    const bool share = figure.share;
    const std::string what =
        share ? figure.metric
              : fmt::format("{} each, {}", figure.metric, result.currency.to_string());
    std::vector<report::Cell> row{what, figure.treatment, plain_number(figure.held_out, share),
                                  plain_number(figure.treated, share)};
    if (figure.changed) {
      row.emplace_back(signed_number(figure.changed->value, share));
      row.emplace_back(fmt::format("{} to {}", signed_number(figure.changed->low, share),
                                   signed_number(figure.changed->high, share)));
    } else {
      row.emplace_back("–");
      row.emplace_back("too little data");
    }
    row.emplace_back(signed_number(figure.truth, share));
    row.emplace_back(!figure.changed ? "" : figure.inside() ? "inside" : "outside");
    table.row(std::move(row));
  }
  return table;
}

report::Table types_table(const LiveResult& result) {
  std::vector<report::Column> columns{{"who", Align::left, 0}, {"customers", Align::right, 0}};
  for (const TrueEffect& effect : result.truth)
    columns.push_back({"truth: " + effect.treatment, Align::right, 0});
  report::Table table(std::move(columns));
  for (std::size_t type = 0; type < simulate::kResponseTypeCount; ++type) {
    std::string name(simulate::name(static_cast<simulate::ResponseType>(type)));
    std::ranges::replace(name, '_', '-');
    std::vector<report::Cell> row{name};
    row.emplace_back(with_thousands(result.truth.front().by_type[type].customers));
    for (const TrueEffect& effect : result.truth)
      row.emplace_back(signed_number(effect.by_type[type].conversion, true));
    table.row(std::move(row));
  }
  return table;
}

// "consent_unknown 512, consent_withdrawn 80".
std::string counts_text(const std::map<std::string, std::int64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, with_thousands(count));
  return text;
}

std::string days_text(std::int64_t days) {
  return days == 1 ? "day" : fmt::format("{} days", days);
}

json::object effect_json(const EffectOnType& effect, double unit) {
  return {{"customers", effect.customers},
          {"conversion", effect.conversion},
          {"orders", effect.orders},
          {"revenue", effect.revenue_minor / unit}};
}

json::object counts_json(const std::map<std::string, std::int64_t>& counts) {
  json::object out;
  for (const auto& [name, count] : counts) out[name] = count;
  return out;
}

json::array figures_json(const LiveResult& result) {
  json::array all;
  for (const LiveFigure& figure : result.figures) {
    json::object one{{"metric", figure.metric},     {"treatment", figure.treatment},
                     {"held_out", figure.held_out}, {"treated", figure.treated},
                     {"changed", nullptr},          {"truth", figure.truth},
                     {"inside", nullptr},           {"too_little", nullptr}};
    if (figure.changed) {
      one["changed"] = json::object{{"value", figure.changed->value},
                                    {"low", figure.changed->low},
                                    {"high", figure.changed->high}};
      one["inside"] = figure.inside();
    } else {
      one["too_little"] = figure.too_little;
    }
    all.push_back(std::move(one));
  }
  return all;
}

json::array truth_json(const LiveResult& result) {
  const double unit = unit_of(result.currency);
  json::array all;
  for (const TrueEffect& effect : result.truth) {
    json::object types;
    for (std::size_t type = 0; type < simulate::kResponseTypeCount; ++type) {
      types[simulate::name(static_cast<simulate::ResponseType>(type))] =
          effect_json(effect.by_type[type], unit);
    }
    all.push_back(json::object{{"treatment", effect.treatment},
                               {"overall", effect_json(effect.overall, unit)},
                               {"by_type", std::move(types)}});
  }
  return all;
}

}  // namespace

Status compare_with_truth(LiveResult& result) {
  try {
    read_counts(json::parse(result.status), result);
    read_figures(json::parse(result.report), result);
    return {};
  } catch (const std::exception& wrong) {  // of Boost.JSON: a field that is not there
    return std::unexpected(
        internal_error(fmt::format("the campaign's report cannot be read: {}", wrong.what())));
  }
}

std::string live_text(const LivePlan& plan, const LiveResult& result,
                      const report::TerminalStyle& style) {
  std::string text = fmt::format(
      "{} customers; {} days of history with {} events, then {} days lived with {}.\n",
      with_thousands(plan.shop.customers), plan.history_days, with_thousands(result.history_events),
      plan.days, with_thousands(result.live_events));
  if (plan.campaign_day() > plan.history_days) {
    text += fmt::format(
        "Newsletter, on the {} before the offer: {} messages. {} customers had enough of messages "
        "and withdrew their consent.\n",
        days_text(plan.campaign_day() - plan.history_days), with_thousands(result.newsletters),
        with_thousands(result.withdrawals));
  }
  text += fmt::format("Offer, on day {}: of {} who ordered before, {} were assigned: {}.\n",
                      plan.campaign_day() - plan.history_days + 1, with_thousands(result.audience),
                      with_thousands(result.assigned), counts_text(result.groups));
  if (!result.stopped.empty())
    text += fmt::format("Stopped before that: {}.\n", counts_text(result.stopped));
  text += "\n";
  text += figures_table(result).to_text(style);
  text += fmt::format(
      "Orders within {} days. The truth: the same days lived again, once with everybody assigned "
      "getting the treatment, once with nobody.\n\n",
      plan.outcome_days());
  text += types_table(result).to_text(style);
  text += "\n";
  for (const LiveClaim& claim : result.claims) {
    text += fmt::format("{}: by last touch it would claim {} {}; it caused {}.\n", claim.treatment,
                        report::format_number(claim.claimed, {.decimals = 0}),
                        result.currency.to_string(),
                        report::format_number(claim.truth, {.decimals = 0}));
  }
  return text;
}

std::string live_json(const LivePlan& plan, const LiveResult& result) {
  json::array claims;
  for (const LiveClaim& claim : result.claims) {
    claims.push_back(json::object{{"treatment", claim.treatment},
                                  {"claimed_by_last_touch", claim.claimed},
                                  {"truth", claim.truth}});
  }
  boost::system::error_code ignored;
  return json::serialize(json::object{{"seed", plan.shop.seed},
                                      {"customers", plan.shop.customers},
                                      {"history_days", plan.history_days},
                                      {"days", plan.days},
                                      {"history_events", result.history_events},
                                      {"live_events", result.live_events},
                                      {"newsletter_messages", result.newsletters},
                                      {"withdrawals", result.withdrawals},
                                      {"campaign", kLiveCampaign},
                                      {"outcome_days", plan.outcome_days()},
                                      {"currency", result.currency.to_string()},
                                      {"audience", result.audience},
                                      {"stopped", counts_json(result.stopped)},
                                      {"assigned", result.assigned},
                                      {"groups", counts_json(result.groups)},
                                      {"figures", figures_json(result)},
                                      {"claims", std::move(claims)},
                                      {"truth", truth_json(result)},
                                      {"report", json::parse(result.report, ignored)}});
}

}  // namespace attune::cli
