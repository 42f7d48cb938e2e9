#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/profiles/profile.h"

namespace attune::profiles {
namespace {

namespace json = boost::json;

template <class T>
json::value optional_value(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value optional_value(const std::optional<Timestamp>& value) {
  return value ? json::value(format_iso(*value)) : json::value(nullptr);
}

// A name, or the number in words where the vocabulary does not know it.
std::string shown(std::string_view known, std::int64_t number) {
  return known.empty() ? fmt::format("#{}", number) : std::string(known);
}

json::array terms(const std::vector<TermShare>& shares, TermKindOf kind, const Vocabulary& names,
                  std::size_t top) {
  json::array out;
  for (std::size_t i = 0; i < std::min(top, shares.size()); ++i) {
    const TermShare& s = shares[i];
    json::object entry;
    entry["name"] = shown(names.term(kind, s.term), s.term.value);
    entry["share"] = s.share;
    if (kind != TermKindOf::channel) entry["interest"] = s.interest;
    entry["events"] = s.events;
    entry["bought_lines"] = s.bought_lines;
    if (kind != TermKindOf::channel) entry["spend_cents"] = s.spend_cents;
    out.push_back(std::move(entry));
  }
  return out;
}

json::object windows(const WindowCounts& counts) {
  json::object out{{"total", counts.total}};
  for (std::size_t w = 0; w < kWindowDays.size(); ++w) {
    out[fmt::format("{}d", kWindowDays[w])] = counts.windows[w];
  }
  return out;
}

void add_purchases(json::object& out, const Profile& p) {
  out["recency_days"] = optional_value(p.recency_days);
  out["frequency"] = p.frequency;
  out["monetary_cents"] = p.monetary_cents;
  out["gross_cents"] = p.gross_cents;
  out["refund_cents"] = p.refund_cents;
  out["refund_count"] = p.refund_count;
  out["refund_share"] = p.refund_share;
  out["average_basket_cents"] = optional_value(p.average_basket_cents);
  out["average_basket_lines"] = optional_value(p.average_basket_lines);
  out["purchase_lines"] = p.purchase_lines;
  out["units"] = p.units;
  out["items_bought"] = p.items_bought;
  out["purchase_days"] = p.purchase_days;
  out["inter_purchase_days_mean"] = optional_value(p.inter_purchase_days_mean);
  out["inter_purchase_days_median"] = optional_value(p.inter_purchase_days_median);
  out["last_gap_days"] = optional_value(p.last_gap_days);
  out["first_purchase"] = optional_value(p.first_purchase);
  out["last_purchase"] = optional_value(p.last_purchase);
  out["first_seen"] = optional_value(p.first_seen);
  out["last_seen"] = optional_value(p.last_seen);
  out["days_since_first_purchase"] = optional_value(p.days_since_first_purchase);
  out["days_since_first_seen"] = optional_value(p.days_since_first_seen);
  out["days_since_last_seen"] = optional_value(p.days_since_last_seen);
}

void add_taste(json::object& out, const Profile& p, const Vocabulary& names, std::size_t top) {
  out["preferred_categories"] = terms(p.categories, TermKindOf::category, names, top);
  out["preferred_brands"] = terms(p.brands, TermKindOf::brand, names, top);
  out["channels"] = terms(p.channels, TermKindOf::channel, names, top);
  out["typical_price_cents"] = optional_value(p.typical_price_cents);
  out["price_band"] = name(p.price_band);
  out["day_part"] = name(p.day_part);
  out["weekday"] = weekday_name(p.weekday);
  json::array items;
  for (const RecentItem& item : p.recent_items) {
    items.push_back({{"item_id", shown(names.item_label(item.item), item.item.value)},
                     {"type", events::name(item.type)},
                     {"time", format_iso(item.time)}});
  }
  out["recent_items"] = std::move(items);
  out["recent_searches"] = json::array(p.recent_searches.begin(), p.recent_searches.end());
  out["engagement"] = p.engagement;
}

void add_counts(json::object& out, const Profile& p) {
  json::object counts;
  for (std::size_t t = 0; t < p.counts.size(); ++t) {
    if (p.counts[t].total == 0) continue;
    counts[events::name(static_cast<events::EventType>(t))] = windows(p.counts[t]);
  }
  out["counts"] = std::move(counts);
  out["active_days"] = windows(p.active_days);
  out["engagements"] = windows(p.engagements);
  out["rated_count"] = p.rated_count;
  out["rating_mean"] = optional_value(p.rating_mean);
  out["duration_ms"] = p.duration_ms;
}

void add_standing(json::object& out, const Profile& p) {
  const RfmScores scores = p.rfm.value_or(RfmScores{});
  const auto score = [&](int s) { return p.rfm ? json::value(s) : json::value(nullptr); };
  out["recency_score"] = score(scores.recency);
  out["frequency_score"] = score(scores.frequency);
  out["monetary_score"] = score(scores.monetary);
  out["value_tier"] = name(p.value_tier);
  out["lifecycle"] = name(p.lifecycle);
  out["buyer"] = name(p.buyer);
  out["creator"] = name(p.creator);
  out["visitor"] = name(p.visitor);
  out["engager"] = name(p.engager);
  out["segments"] = json::array(p.segments.begin(), p.segments.end());
}

}  // namespace

std::string to_json(const Profile& profile, const Vocabulary& names, std::size_t top) {
  json::object out;
  out["as_of"] = format_iso(profile.as_of);
  add_purchases(out, profile);
  add_standing(out, profile);
  add_taste(out, profile, names, top);
  add_counts(out, profile);
  return json::serialize(out);
}

}  // namespace attune::profiles
