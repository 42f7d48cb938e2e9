#include "field_table.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace attune::profiles {
namespace {

using rules::Type;
using Rows = std::vector<FieldRow>;

constexpr std::size_t kTop = 3;  // preferred categories and brands

std::optional<double> as_number(std::int64_t value) { return static_cast<double>(value); }
std::optional<double> as_number(double value) { return value; }
template <class T>
std::optional<double> as_number(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

template <auto Member>
void number(Rows& rows, const char* name, const char* help, Dependence on = Dependence::events) {
  FieldRow row{name, Type::number, on, help, {}};
  row.read_number = [](const Profile& p) { return as_number(p.*Member); };
  rows.push_back(std::move(row));
}

template <auto Member>
void score(Rows& rows, const char* name, const char* help) {
  FieldRow row{name, Type::number, Dependence::shop, help, {}};
  row.read_number = [](const Profile& p) -> std::optional<double> {
    if (!p.rfm) return std::nullopt;
    return static_cast<double>((*p.rfm).*Member);
  };
  rows.push_back(std::move(row));
}

template <auto Member>
void time(Rows& rows, const char* name, const char* help) {
  FieldRow row{name, Type::time, Dependence::events, help, {}};
  row.read_time = [](const Profile& p) { return p.*Member; };
  rows.push_back(std::move(row));
}

// A word out of the closed vocabulary of an enumeration with `N` values.
template <auto Member, std::size_t N>
void word(Rows& rows, const char* field, const char* help, Dependence on) {
  FieldRow row{field, Type::text, on, help, {}};
  row.read_text = [](const Profile& p, const Vocabulary&) { return name(p.*Member); };
  using Enum = std::remove_cvref_t<decltype(Profile().*Member)>;
  for (std::size_t i = 0; i < N; ++i) row.values.emplace_back(name(static_cast<Enum>(i)));
  rows.push_back(std::move(row));
}

// The best of a list of shares as a text, and the best `Limit` as a list of text.
template <auto Member, TermKindOf Kind, std::size_t Limit>
void shares(Rows& rows, const char* best, const char* best_help, const char* list,
            const char* list_help) {
  FieldRow one{best, Type::text, Dependence::events, best_help, {}};
  one.read_text = [](const Profile& p, const Vocabulary& names) {
    return (p.*Member).empty() ? std::string_view() : names.term(Kind, (p.*Member)[0].term);
  };
  rows.push_back(std::move(one));
  FieldRow row{list, Type::text_list, Dependence::events, list_help, {}};
  row.read_size = [](const Profile& p) { return std::min((p.*Member).size(), Limit); };
  row.read_at = [](const Profile& p, const Vocabulary& names, std::size_t i) {
    return names.term(Kind, (p.*Member)[i].term);
  };
  rows.push_back(std::move(row));
}

void counts(Rows& rows, const std::string& name, const std::string& what, std::size_t type,
            const WindowCounts& (*read)(const Profile&, std::size_t)) {
  for (int window = -1; window < static_cast<int>(kWindowDays.size()); ++window) {
    FieldRow row{name, Type::number, Dependence::events, "number of " + what, {}};
    row.read_counts = read;
    row.count_type = type;
    row.window = window;
    if (window >= 0) {
      const int days = kWindowDays[static_cast<std::size_t>(window)];
      row.name += fmt::format("_{}d", days);
      row.help += fmt::format(" in the last {} days, today included", days);
      row.dependence = Dependence::clock;
    }
    rows.push_back(std::move(row));
  }
}

void add_purchases(Rows& rows) {
  using P = Profile;
  number<&P::recency_days>(rows, "recency_days", "days since the last purchase", Dependence::clock);
  number<&P::frequency>(rows, "frequency", "number of orders");
  number<&P::monetary_cents>(rows, "monetary_cents", "value of purchases less refunds");
  number<&P::gross_cents>(rows, "gross_cents", "value of purchases");
  number<&P::refund_cents>(rows, "refund_cents", "value of refunds");
  number<&P::refund_share>(rows, "refund_share", "refunds as a share of purchases, by value");
  number<&P::average_basket_cents>(rows, "average_basket_cents", "value of an order on average");
  number<&P::average_basket_lines>(rows, "average_basket_lines", "lines of an order on average");
  number<&P::purchase_lines>(rows, "purchase_lines", "number of purchased lines");
  number<&P::units>(rows, "units", "quantity purchased");
  number<&P::items_bought>(rows, "items_bought", "number of different items purchased");
  number<&P::purchase_days>(rows, "purchase_days", "number of days with an order");
  number<&P::inter_purchase_days_mean>(rows, "inter_purchase_days_mean",
                                       "days from one purchase day to the next, on average");
  number<&P::inter_purchase_days_median>(rows, "inter_purchase_days_median",
                                         "days from one purchase day to the next, the median");
  number<&P::last_gap_days>(rows, "last_gap_days",
                            "days from the purchase day before the last to the last");
  number<&P::typical_price_cents>(rows, "typical_price_cents",
                                  "price of a purchased unit, the geometric mean");
  time<&P::first_purchase>(rows, "first_purchase", "when the first order was made");
  time<&P::last_purchase>(rows, "last_purchase", "when the last order was made");
  number<&P::days_since_first_purchase>(rows, "days_since_first_purchase",
                                        "days since the first purchase", Dependence::clock);
}

void add_presence(Rows& rows) {
  using P = Profile;
  time<&P::first_seen>(rows, "first_seen", "when the customer did something for the first time");
  time<&P::last_seen>(rows, "last_seen", "when the customer did something for the last time");
  number<&P::days_since_first_seen>(rows, "days_since_first_seen",
                                    "days since the customer was first seen", Dependence::clock);
  number<&P::days_since_last_seen>(rows, "days_since_last_seen",
                                   "days since the customer was last seen", Dependence::clock);
  number<&P::engagement>(rows, "engagement", "all behaviour by weight, halved with every half life",
                         Dependence::clock);
  number<&P::rated_count>(rows, "rated_count", "number of events that carried a rating");
  number<&P::rating_mean>(rows, "rating_mean", "rating given on average");
  number<&P::duration_ms>(rows, "duration_ms", "time spent, in milliseconds");
  word<&P::day_part, 5>(rows, "day_part", "part of the day with most activity", Dependence::events);
  FieldRow weekday{"weekday", Type::text, Dependence::events, "weekday with most activity", {}};
  weekday.read_text = [](const P& p, const Vocabulary&) { return weekday_name(p.weekday); };
  for (int d = -1; d < 7; ++d) weekday.values.emplace_back(weekday_name(d));
  rows.push_back(std::move(weekday));
}

void add_standing(Rows& rows) {
  using P = Profile;
  score<&RfmScores::recency>(rows, "recency_score", "1 (long ago) to k (recent) among buyers");
  score<&RfmScores::frequency>(rows, "frequency_score", "1 (few orders) to k (many) among buyers");
  score<&RfmScores::monetary>(rows, "monetary_score", "1 (little money) to k (much) among buyers");
  word<&P::value_tier, 5>(rows, "value_tier", "place among buyers by money", Dependence::shop);
  word<&P::lifecycle, 7>(rows, "lifecycle", "stage of life with the shop", Dependence::shop);
  word<&P::buyer, 4>(rows, "buyer", "how often the customer buys", Dependence::shop);
  word<&P::price_band, 4>(rows, "price_band", "typical price among the shop's prices",
                          Dependence::shop);
  word<&P::creator, 5>(rows, "creator", "how often the customer posts", Dependence::clock);
  word<&P::visitor, 4>(rows, "visitor", "how regularly the customer comes", Dependence::clock);
  word<&P::engager, 3>(rows, "engager", "how much the customer likes, comments and shares",
                       Dependence::clock);
}

void add_taste(Rows& rows) {
  using P = Profile;
  shares<&P::categories, TermKindOf::category, kTop>(
      rows, "preferred_category", "category with most interest", "preferred_categories",
      "the three categories with most interest");
  shares<&P::brands, TermKindOf::brand, kTop>(rows, "preferred_brand", "brand with most interest",
                                              "preferred_brands",
                                              "the three brands with most interest");
  shares<&P::channels, TermKindOf::channel, std::size_t{1} << 30>(
      rows, "preferred_channel", "channel with most activity", "channels", "channels used");
  FieldRow items{
      "recent_items", Type::text_list, Dependence::events, "ids of the last 20 items touched", {}};
  items.read_size = [](const P& p) { return p.recent_items.size(); };
  items.read_at = [](const P& p, const Vocabulary& names, std::size_t i) {
    return names.item_label(p.recent_items[i].item);
  };
  rows.push_back(std::move(items));
  FieldRow words{
      "recent_searches", Type::text_list, Dependence::events, "the last 10 searches", {}};
  words.read_size = [](const P& p) { return p.recent_searches.size(); };
  words.read_at = [](const P& p, const Vocabulary&, std::size_t i) {
    return std::string_view(p.recent_searches[i]);
  };
  rows.push_back(std::move(words));
}

Rows make_table() {
  Rows rows;
  add_purchases(rows);
  add_presence(rows);
  add_standing(rows);
  add_taste(rows);
  counts(rows, "active_days", "days with activity", 0,
         [](const Profile& p, std::size_t) -> const WindowCounts& { return p.active_days; });
  counts(rows, "engagements", "likes, comments, shares, follows, ratings and reviews", 0,
         [](const Profile& p, std::size_t) -> const WindowCounts& { return p.engagements; });
  for (std::size_t type = 0; type < events::kEventTypeCount; ++type) {
    const std::string_view type_name = events::name(static_cast<events::EventType>(type));
    counts(rows, fmt::format("{}_count", type_name), fmt::format("{} events", type_name), type,
           [](const Profile& p, std::size_t t) -> const WindowCounts& { return p.counts[t]; });
  }
  return rows;
}

}  // namespace

std::optional<double> FieldRow::number(const Profile& p) const {
  if (read_number != nullptr) return read_number(p);
  if (read_counts == nullptr) return std::nullopt;
  const WindowCounts& c = read_counts(p, count_type);
  return static_cast<double>(window < 0 ? c.total : c.windows[static_cast<std::size_t>(window)]);
}

std::span<const FieldRow> field_table() {
  static const Rows kRows = make_table();
  return kRows;
}

}  // namespace attune::profiles
