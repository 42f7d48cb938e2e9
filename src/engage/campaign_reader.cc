// Campaigns out of trees of fields.
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engage/campaign.h"
#include "attune/rules/rule.h"
#include "campaign_names.h"
#include "field_reader.h"

namespace attune::engage {
namespace {

constexpr std::size_t kTextBytesMax = 1000;
constexpr std::size_t kSurfaceBytesMax = 128;
constexpr double kSharesTolerance = 1e-6;
constexpr int kOutcomeDaysMax = 366;
constexpr double kWeightMax = 1e9;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kCampaignNameBytes &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
         });
}

class Reader {
 public:
  Reader(const CampaignContext& context, FieldProblems& problems)
      : context_(context), problems_(problems) {}

  Campaign read(const FieldNode& root) {
    FieldTable top(root, problems_);
    top.require("name", "name = \"winback\"");
    if (const auto name = name_of(top, "name")) made_.name = *name;
    made_.description = top.text("description", kTextBytesMax).value_or("");
    read_audience(top);
    read_schedule(top);
    read_channel(top);
    read_currency(top);
    if (const auto policy = top.parsed("policy", 64, decide::parse_treatment_policy))
      made_.policy = *policy;
    read_holdout(top);
    read_treatments(top);
    read_caps(top);
    read_quiet_hours(top);
    read_budget(top);
    read_outcome(top);
    made_.margin = top.real("margin", 0, 1);
    top.finish();
    return std::move(made_);
  }

 private:
  std::optional<std::string> name_of(FieldTable& table, std::string_view key) {
    const auto text = table.text(key, kTextBytesMax);
    if (!text || is_name(*text)) return text;
    table.refuse(key, fmt::format("'{}' is no name; 1 to {} bytes of letters, digits, '-', '_' "
                                  "and '.'",
                                  attune::quoted(*text), kCampaignNameBytes));
    return std::nullopt;
  }

  void read_audience(FieldTable& top) {
    made_.segment = top.text("segment", kTextBytesMax).value_or("");
    made_.rule = top.text("rule", rules::kMaxRuleBytes).value_or("");
    if (top.has("segment") == top.has("rule")) {
      top.refuse("segment", top.has("rule") ? "stands beside a rule; a campaign has one of them"
                                            : "is missing; name a segment, or write a rule");
      return;
    }
    if (top.has("segment")) return check_segment(top);
    if (trim(made_.rule).empty()) return top.refuse("rule", "is empty");
    check_rule(top, "rule", made_.rule);
  }

  void check_segment(FieldTable& top) {
    if (made_.segment.empty()) return top.refuse("segment", "is empty");
    if (context_.segments == nullptr) return;
    const auto& known = *context_.segments;
    if (std::ranges::find(known, made_.segment) != known.end()) return;
    top.refuse("segment", fmt::format("there is no segment '{}'{}", attune::quoted(made_.segment),
                                      did_you_mean(made_.segment, known)));
  }

  void check_rule(FieldTable& table, std::string_view key, std::string_view rule) {
    if (context_.schema == nullptr) return;
    if (const auto wrong = rules::Rule::diagnose(rule, *context_.schema))
      table.refuse(key, wrong->to_string(rule));
  }

  void read_schedule(FieldTable& top) {
    top.require("schedule", "schedule = { start = 2026-12-01T09:00:00, end = 2026-12-14 }");
    const FieldNode* node = top.table("schedule");
    if (node == nullptr) return;
    FieldTable table(*node, problems_);
    table.require("start", "start = 2026-12-01T09:00:00");
    table.require("end", "end = 2026-12-14T20:00:00");
    const auto start = table.time("start", context_.zone), end = table.time("end", context_.zone);
    if (start && end) {
      made_.schedule.start = *start;
      made_.schedule.end = *end;
      if (*end <= *start) table.refuse("end", "does not lie after the start");
    }
    if (const auto repeat = table.choice("repeat", repeat_names(), "a repetition"))
      made_.schedule.repeat = static_cast<Repeat>(*repeat);
    const auto at = table.parsed("at", 8, decide::parse_minute_of_day);
    const bool daily = made_.schedule.repeat == Repeat::daily;
    if (at && daily) made_.schedule.minute_of_day = *at;
    if (table.has("at") && !daily) table.refuse("at", "stands only beside repeat = \"daily\"");
    table.finish();
  }

  void read_channel(FieldTable& top) {
    top.require("channel", "channel = \"email\"");
    const auto channel = top.choice("channel", decide::channel_names(), "a channel");
    const auto purpose = top.choice("purpose", privacy::purpose_names(), "a purpose of consent");
    made_.surface = trim(top.text("surface", kSurfaceBytesMax).value_or(""));
    if (!channel) return;
    made_.channel = static_cast<decide::Channel>(*channel);
    if (top.has("surface") && made_.channel != decide::Channel::on_page)
      top.refuse("surface", "stands only beside channel = \"on_page\"");
    const auto own = decide::purpose_of(made_.channel);
    if (purpose) {
      made_.purpose = static_cast<privacy::Purpose>(*purpose);
      if (own && made_.purpose != *own) {
        top.refuse("purpose", fmt::format("{} needs consent to {}", decide::name(made_.channel),
                                          privacy::name(*own)));
      }
    } else if (own) {
      made_.purpose = *own;
    } else if (!top.has("purpose")) {
      top.refuse("purpose", fmt::format("is missing; {} may carry anything, so say whose consent "
                                        "it needs: purpose = \"email\"",
                                        decide::name(made_.channel)));
    }
  }

  void read_currency(FieldTable& top) {
    made_.currency = context_.currency;
    // Where words are not looked into, a campaign that was stored is read.
    const auto parse = context_.schema == nullptr ? Currency::of_stored : Currency::parse;
    if (const auto stated = top.parsed("currency", 8, parse)) made_.currency = *stated;
    if (!made_.currency.known() && !top.has("currency"))
      top.refuse("currency", "is missing, and the shop has none set; write currency = \"EUR\"");
  }

  void read_holdout(FieldTable& top) {
    const FieldNode* node = top.table("holdout");
    made_.holdout.key = made_.name;
    if (node == nullptr) return;
    FieldTable table(*node, problems_);
    table.require("share", "share = 0.1");
    if (const auto share = table.real("share", 0, 1)) {
      made_.holdout.share = *share;
      if (*share == 1) table.refuse("share", "is 1; nobody would be left to write to");
    }
    if (const auto key = name_of(table, "key")) made_.holdout.key = *key;
    made_.holdout.salt = table.text("salt", kCampaignNameBytes).value_or("");
    table.finish();
  }

  void read_treatments(FieldTable& top) {
    top.require("treatments", "[[treatments]]");
    const FieldNode* list = top.list("treatments");
    if (list == nullptr) return;
    if (list->items.empty() || list->items.size() > decide::kMaxArms) {
      return top.refuse("treatments", fmt::format("has {}; a campaign has 1 to {}",
                                                  list->items.size(), decide::kMaxArms));
    }
    int stated = 0;
    for (const FieldNode& item : list->items) stated += read_treatment(item);
    if (made_.treatments.size() == list->items.size())
      check_shares(top, stated, list->items.size());
  }

  // 1 where it states a share.
  int read_treatment(const FieldNode& item) {
    if (item.kind != FieldNode::Kind::table) {
      problems_.add(item.place, "treatments: each is a table with a name and a content");
      return 0;
    }
    FieldTable table(item, problems_);
    Treatment treatment;
    table.require("name", "name = \"plain\"");
    treatment.name = name_of(table, "name").value_or("");
    if (!treatment.name.empty() && std::ranges::find(made_.treatments, treatment.name,
                                                     &Treatment::name) != made_.treatments.end()) {
      table.refuse("name", fmt::format("a treatment before this one is '{}' too",
                                       attune::quoted(treatment.name)));
    }
    table.require("content", "content = \"winback-plain\"");
    treatment.content = table.text("content", kTextBytesMax).value_or("");
    if (table.has("content") && treatment.content.empty()) table.refuse("content", "is empty");
    treatment.cost_minor = table.money("cost", made_.currency).value_or(0);
    const auto share = table.real("share", 0, 1);
    treatment.share = share.value_or(0);
    if (share && *share == 0) table.refuse("share", "is 0; leave the treatment out instead");
    read_score(table, treatment);
    table.finish();
    made_.treatments.push_back(std::move(treatment));
    return share ? 1 : 0;
  }

  void read_score(FieldTable& table, Treatment& treatment) {
    const bool top = made_.policy.rule == decide::TreatmentRule::top;
    if (top) table.require("score", "score = \"view_count_30d\", or a rule");
    treatment.score = table.text("score", rules::kMaxRuleBytes).value_or("");
    if (const auto weight = table.real("weight", -kWeightMax, kWeightMax))
      treatment.weight = *weight;
    for (const std::string_view key : {"score", "weight"})
      if (!top && table.has(key)) table.refuse(key, "stands only beside policy = \"top\"");
    if (top && table.has("share")) table.refuse("share", "stands only beside policy = \"shares\"");
    if (treatment.score.empty() || context_.schema == nullptr) return;
    if (const auto field = context_.schema->find_field(treatment.score)) {
      if (context_.schema->fields()[*field].type != rules::Type::number)
        table.refuse("score", fmt::format("the field '{}' is no number", treatment.score));
      return;
    }
    check_rule(table, "score", treatment.score);
  }

  void check_shares(FieldTable& top, int stated, std::size_t count) {
    const double equal = 1 / static_cast<double>(count);
    if (made_.policy.rule == decide::TreatmentRule::top) {
      for (Treatment& treatment : made_.treatments) treatment.share = 1;
      return;
    }
    if (stated == 0) {
      for (Treatment& treatment : made_.treatments) treatment.share = equal;
      return;
    }
    double sum = 0;
    for (const Treatment& treatment : made_.treatments) sum += treatment.share;
    if (static_cast<std::size_t>(stated) != count) {
      top.refuse("treatments", "some state a share and others do not; state all or none");
    } else if (std::fabs(sum - 1) > kSharesTolerance) {
      top.refuse("treatments", fmt::format("their shares add up to {}; they add up to 1", sum));
    }
  }

  void read_caps(FieldTable& top) {
    const FieldNode* list = top.list("caps");
    if (list == nullptr) return;
    if (list->items.size() > kMaxCaps)
      return top.refuse("caps",
                        fmt::format("has {} caps; at most {}", list->items.size(), kMaxCaps));
    for (const FieldNode& item : list->items) {
      if (item.kind != FieldNode::Kind::table) {
        problems_.add(item.place, "caps: each is a table with scope, period and limit");
        continue;
      }
      read_cap(item);
    }
  }

  void read_cap(const FieldNode& item) {
    FieldTable table(item, problems_);
    decide::FrequencyCap cap;
    table.require("scope", "scope = \"all\"");
    table.require("period", "period = \"week\"");
    table.require("limit", "limit = 2");
    if (const auto scope = table.choice("scope", decide::cap_scope_names(), "a scope"))
      cap.scope = static_cast<decide::CapScope>(*scope);
    if (const auto period = table.choice("period", decide::cap_period_names(), "a period"))
      cap.period = static_cast<decide::CapPeriod>(*period);
    if (const auto limit = table.integer("limit", 1, 1'000'000))
      cap.limit = static_cast<std::int32_t>(*limit);
    const auto same = [&](const decide::FrequencyCap& other) {
      return other.scope == cap.scope && other.period == cap.period;
    };
    if (std::ranges::any_of(made_.caps, same))
      table.refuse("scope", "a cap before this one has the same scope and period");
    table.finish();
    made_.caps.push_back(cap);
  }

  void read_quiet_hours(FieldTable& top) {
    const FieldNode* node = top.table("quiet_hours");
    if (node == nullptr) return;
    FieldTable table(*node, problems_);
    table.require("from", "from = \"21:00\"");
    table.require("to", "to = \"08:00\"");
    const auto from = table.parsed("from", 8, decide::parse_minute_of_day);
    const auto to = table.parsed("to", 8, decide::parse_minute_of_day);
    if (from && to) {
      if (*from == *to) table.refuse("to", "is the same as from: no time would be left");
      made_.quiet_hours = decide::QuietHours{*from, *to};
    }
    table.finish();
  }

  void read_budget(FieldTable& top) {
    const FieldNode* node = top.table("budget");
    if (node == nullptr) return;
    FieldTable table(*node, problems_);
    made_.budget_money_minor = table.money("money", made_.currency);
    made_.budget_messages = table.integer("messages", 0, kMoneyMax);
    table.finish();
  }

  void read_outcome(FieldTable& top) {
    top.require("outcome", "outcome = { event = \"purchase\", days = 14, value = \"revenue\" }");
    const FieldNode* node = top.table("outcome");
    if (node == nullptr) return;
    FieldTable table(*node, problems_);
    table.require("event", "event = \"purchase\"");
    table.require("days", "days = 14");
    if (const auto event = table.choice("event", events::event_type_names(), "an event type"))
      made_.outcome.event = static_cast<events::EventType>(*event);
    if (const auto days = table.integer("days", 1, kOutcomeDaysMax))
      made_.outcome.days = static_cast<int>(*days);
    if (const auto value = table.choice("value", outcome_value_names(), "a value"))
      made_.outcome.value = static_cast<OutcomeValue>(*value);
    table.finish();
  }

  const CampaignContext& context_;
  FieldProblems& problems_;
  Campaign made_;
};

Result<Campaign> parse_tree(FieldResult<FieldNode> tree, std::string_view label,
                            const CampaignContext& context) {
  FieldProblems problems;
  if (!tree) {
    problems.add(tree.error().place, tree.error().message);
    return std::unexpected(problems.error(label));
  }
  Campaign campaign = Reader(context, problems).read(*tree);
  if (problems.any()) return std::unexpected(problems.error(label));
  return campaign;
}

Status check_size(std::string_view text, std::string_view label) {
  if (text.size() <= kMaxCampaignBytes) return {};
  return std::unexpected(
      invalid_argument(fmt::format("{}: a campaign of {} bytes is too large; at most {}", label,
                                   text.size(), kMaxCampaignBytes)));
}

}  // namespace

std::span<const std::string> repeat_names() {
  static const std::vector<std::string> names{"once", "daily"};
  return names;
}

std::span<const std::string> outcome_value_names() {
  static const std::vector<std::string> names{"conversion", "count", "revenue"};
  return names;
}

Result<Campaign> parse_campaign_toml(std::string_view text, std::string_view label,
                                     const CampaignContext& context) {
  ATTUNE_RETURN_IF_ERROR(check_size(text, label));
  return parse_tree(read_toml_tree(text), label, context);
}

Result<Campaign> parse_campaign_json(std::string_view text, std::string_view label,
                                     const CampaignContext& context) {
  ATTUNE_RETURN_IF_ERROR(check_size(text, label));
  return parse_tree(read_json_tree(text), label, context);
}

Result<Campaign> parse_campaign(std::string_view text, std::string_view label,
                                const CampaignContext& context) {
  return trim(text).starts_with('{') ? parse_campaign_json(text, label, context)
                                     : parse_campaign_toml(text, label, context);
}

}  // namespace attune::engage
