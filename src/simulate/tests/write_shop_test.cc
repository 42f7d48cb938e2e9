#include "attune/simulate/write_shop.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/base/text.h"
#include "attune/base/time.h"
#include "shop_files.h"

namespace attune::simulate {
namespace {

constexpr std::size_t kEventColumns = 17;

PlantedCounts write(const ShopParameters& parameters, const TemporaryFolder& folder) {
  NoProgress progress;
  auto counts = write_shop(parameters, folder.path(), progress);
  EXPECT_TRUE(counts.has_value()) << (counts ? "" : to_string(counts.error()));
  return counts.value_or(PlantedCounts{});
}

// A well-formed row of events.csv, repeats left out.
struct Reading {
  std::vector<NamedRow> good;
  std::int64_t rows = 0, exact = 0, exact_with_id = 0, resent = 0, malformed = 0;
};

Timestamp time_of(const NamedRow& row) {
  const auto iso = parse_iso(row.at("time")).value();
  return {utc_from_civil(iso.civil).micros - iso.offset_minutes.value() * kMicrosPerMinute};
}

// What an importer would see, found without knowing what was planted.
Reading read_events(const std::string& text) {
  static const std::set<std::string> kTypes = {
      "search", "list_view", "view",     "wishlist", "cart_add", "cart_remove", "checkout",
      "signup", "identify",  "purchase", "refund",   "rating",   "review"};
  Reading reading;
  const std::vector<std::string> lines = lines_of(text);
  const std::vector<std::string> headings = fields_of(lines.at(0));
  std::set<std::string> seen, ids;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    ++reading.rows;
    const std::vector<std::string> fields = fields_of(lines[i]);
    const bool repeated = !seen.insert(lines[i]).second;
    if (repeated) {
      ++reading.exact;
      reading.exact_with_id += fields[0].empty() ? 0 : 1;
      continue;
    }
    NamedRow row;
    for (std::size_t k = 0; k < fields.size() && k < kEventColumns; ++k)
      row[headings[k]] = fields[k];
    if (fields.size() != kEventColumns || !parse_iso(row["time"]) ||
        !kTypes.contains(row["event"]) || row["price"] == "abc") {
      ++reading.malformed;
    } else if (!row["event_id"].empty() && !ids.insert(row["event_id"]).second) {
      ++reading.resent;
    } else {
      reading.good.push_back(std::move(row));
    }
  }
  return reading;
}

void expect_counts(const Reading& reading, const FileCounts& file) {
  EXPECT_EQ(reading.rows, file.rows);
  EXPECT_EQ(std::ssize(reading.good), file.good);
  EXPECT_EQ(reading.exact, file.exact_duplicates);
  EXPECT_EQ(reading.exact_with_id, file.exact_duplicates_with_event_id);
  EXPECT_EQ(reading.resent, file.resent);
  EXPECT_EQ(reading.malformed, file.malformed_total());
  std::map<std::string, std::int64_t> by_event;
  std::int64_t missing = 0;
  for (const NamedRow& row : reading.good) {
    ++by_event[row.at("event")];
    missing += row.at("customer_id").empty() && row.at("anonymous_id").empty() ? 1 : 0;
  }
  EXPECT_EQ(by_event, file.good_by_event);
  EXPECT_EQ(missing, file.missing_customer);
}

void expect_refunds_have_purchases(const std::vector<NamedRow>& good) {
  std::map<std::pair<std::string, std::string>, NamedRow> purchases;
  for (const NamedRow& row : good) {
    const std::pair line(row.at("order_id"), row.at("product_id"));
    if (row.at("event") == "purchase") {
      EXPECT_TRUE(purchases.emplace(line, row).second) << "a line twice in one order";
    } else if (row.at("event") == "refund") {
      ASSERT_TRUE(purchases.contains(line));
      const NamedRow& purchase = purchases.at(line);
      EXPECT_GT(time_of(row).micros, time_of(purchase).micros + kMicrosPerDay);
      EXPECT_LE(std::stoi(row.at("quantity")), std::stoi(purchase.at("quantity")));
      EXPECT_EQ(row.at("price"), purchase.at("price"));
      EXPECT_EQ(row.at("customer_id"), purchase.at("customer_id"));
    }
  }
}

// Steps of one session: one person, one channel, in order; what is bought lay in the cart before.
void expect_sessions_make_sense(const std::vector<NamedRow>& good) {
  std::map<std::string, std::vector<NamedRow>> sessions;
  for (const NamedRow& row : good) {
    if (!row.at("session_id").empty()) sessions[row.at("session_id")].push_back(row);
  }
  for (const auto& [id, rows] : sessions) {
    std::set<std::string> customers, devices, cart;
    bool paid = false;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const NamedRow& row = rows[i];
      EXPECT_EQ(row.at("channel"), rows[0].at("channel"));
      if (!row.at("customer_id").empty()) customers.insert(row.at("customer_id"));
      if (!row.at("anonymous_id").empty()) devices.insert(row.at("anonymous_id"));
      if (row.at("event") == "cart_add") cart.insert(row.at("product_id"));
      const bool pays = row.at("event") == "purchase";
      EXPECT_TRUE(!pays || cart.contains(row.at("product_id")));
      EXPECT_TRUE(!paid || pays) << "something after paying";
      paid = pays;
      if (i == 0) continue;
      const std::int64_t gap = time_of(row).micros - time_of(rows[i - 1]).micros;
      EXPECT_LT(gap, 30 * kMicrosPerMinute);
    }
    EXPECT_LE(customers.size(), 1u);
    EXPECT_LE(devices.size(), 1u);
  }
}

void expect_a_sound_shop(const ShopParameters& parameters) {
  TemporaryFolder folder;
  const PlantedCounts counts = write(parameters, folder);
  const Reading reading = read_events(slurp(folder.path() / "events.csv"));
  expect_counts(reading, counts.events);
  expect_refunds_have_purchases(reading.good);
  expect_sessions_make_sense(reading.good);
  EXPECT_TRUE(std::ranges::is_sorted(reading.good, {}, time_of));
  for (const char* name : kAllFiles) {
    EXPECT_EQ(first_invalid_utf8(slurp(folder.path() / name)), std::nullopt) << name;
  }
}

TEST(WriteShop, PlantsWhatItsTruthSaysInEnglish) { expect_a_sound_shop(small_shop()); }
TEST(WriteShop, PlantsWhatItsTruthSaysInChinese) { expect_a_sound_shop(small_shop(Language::zh)); }

RC_GTEST_PROP(WriteShopProperty, IsSoundForAnyParameters, ()) {
  ShopParameters parameters = small_shop(*rc::gen::element(Language::en, Language::zh));
  parameters.customers = *rc::gen::inRange(1, 60);
  parameters.items = *rc::gen::inRange(kMinimumItems, std::int64_t{400});
  parameters.days = *rc::gen::inRange(1, 60);
  parameters.seed = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
  parameters.duplicate_share = *rc::gen::inRange(0, 50) / 100.0;
  parameters.resent_share = *rc::gen::inRange(0, 50) / 100.0;
  parameters.missing_share = *rc::gen::inRange(0, 101) / 100.0;
  parameters.bot_share = *rc::gen::inRange(0, 50) / 100.0;
  parameters.foreign_share = *rc::gen::inRange(0, 101) / 100.0;
  parameters.malformed_rows = *rc::gen::inRange(0, 60);
  expect_a_sound_shop(parameters);
  RC_ASSERT(!::testing::Test::HasFailure());
}

TEST(WriteShop, MakesTheSameBytesFromTheSameParameters) {
  TemporaryFolder first, second, other;
  ShopParameters parameters = small_shop(Language::zh);
  write(parameters, first);
  write(parameters, second);
  ++parameters.seed;
  write(parameters, other);
  for (const char* name : kAllFiles) {
    EXPECT_EQ(slurp(first.path() / name), slurp(second.path() / name)) << name;
    EXPECT_NE(slurp(first.path() / name), slurp(other.path() / name)) << name;
  }
}

TEST(WriteShop, WritesTheSameOrderLinesInBothFiles) {
  TemporaryFolder folder;
  const PlantedCounts counts = write(small_shop(), folder);
  const std::vector<std::string> lines = lines_of(slurp(folder.path() / "orders.csv"));
  EXPECT_EQ(std::ssize(lines) - 1, counts.orders.rows);
  std::multiset<std::tuple<std::string, std::string, int, std::string>> from_orders, from_events;
  std::set<std::string> seen;
  std::int64_t missing = 0;
  for (const std::string& line : std::span(lines).subspan(1)) {
    if (!seen.insert(line).second) continue;
    const NamedRow row = rows_of(lines[0] + "\n" + line).at(0);
    missing += row.at("customer_id").empty() ? 1 : 0;
    from_orders.emplace(row.at("order_id"), row.at("product_id"), std::stoi(row.at("quantity")),
                        row.at("unit_price"));
  }
  EXPECT_EQ(std::ssize(seen), counts.orders.good);
  EXPECT_EQ(missing, counts.orders.missing_customer);
  for (const NamedRow& row : read_events(slurp(folder.path() / "events.csv")).good) {
    if (row.at("event") != "purchase" && row.at("event") != "refund") continue;
    const int sign = row.at("event") == "refund" ? -1 : 1;
    from_events.emplace(row.at("order_id"), row.at("product_id"),
                        sign * std::stoi(row.at("quantity")), row.at("price"));
  }
  EXPECT_EQ(from_orders, from_events);
}

TEST(WriteShop, GivesChineseOrdersChineseHeadings) {
  TemporaryFolder folder;
  write(small_shop(Language::zh), folder);
  EXPECT_EQ(lines_of(slurp(folder.path() / "orders.csv")).at(0),
            "订单号,下单时间,客户编号,商品编号,商品名称,类目,品牌,数量,单价,币种,渠道,城市");
}

TEST(WriteShop, ZipsTheVeryRowsThatItWritesPlainly) {
  TemporaryFolder plain, zipped;
  ShopParameters parameters = small_shop();
  write(parameters, plain);
  write(parameters, zipped);  // to be replaced
  parameters.gzip = true;
  write(parameters, zipped);
  EXPECT_EQ(unzip(zipped.path() / "events.csv.gz"), slurp(plain.path() / "events.csv"));
  EXPECT_FALSE(std::filesystem::exists(zipped.path() / "events.csv"));
}

TEST(WriteShop, KeepsForeignOrdersInOneCurrencyPerCustomer) {
  TemporaryFolder folder;
  ShopParameters parameters = small_shop();
  parameters.foreign_share = .5;
  write(parameters, folder);
  std::map<std::string, std::set<std::string>> currencies;
  std::set<std::string> all;
  for (const NamedRow& row : read_events(slurp(folder.path() / "events.csv")).good) {
    if (row.at("event") != "purchase" || row.at("customer_id").empty()) continue;
    currencies[row.at("customer_id")].insert(row.at("currency"));
    all.insert(row.at("currency"));
  }
  EXPECT_EQ(all, (std::set<std::string>{"EUR", "GBP"}));
  for (const auto& [customer, used] : currencies) EXPECT_EQ(used.size(), 1u) << customer;
}

TEST(WriteShop, RefusesAFolderWithFilesOfSomebodyElse) {
  TemporaryFolder folder;
  std::ofstream(folder.path() / "orders.csv") << "my,own,orders\n";
  NoProgress progress;
  const auto refused = write_shop(small_shop(), folder.path(), progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::already_exists);
  EXPECT_NE(refused.error().message.find("orders.csv"), std::string::npos);
  EXPECT_EQ(slurp(folder.path() / "orders.csv"), "my,own,orders\n");
}

class StopAfter final : public Progress {
 public:
  explicit StopAfter(std::int64_t days) : days_(days) {}
  void phase(std::string_view, std::int64_t, std::string_view) override {}
  void advance(std::int64_t done) override { done_ = done; }
  bool cancelled() const override { return done_ >= days_; }

 private:
  std::int64_t days_, done_ = 0;
};

TEST(WriteShop, LeavesNothingWhenCancelled) {
  TemporaryFolder folder;
  StopAfter progress(10);
  const auto stopped = write_shop(small_shop(), folder.path(), progress);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(WriteShop, NamesTheFileThatADiskHasNoRoomFor) {
  TemporaryFolder folder;
  // What the events would be written to is a device that is always full.
  std::filesystem::create_symlink("/dev/full", folder.path() / "events.csv.part");
  NoProgress progress;
  const auto refused = write_shop(small_shop(), folder.path(), progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::resource_exhausted);
  EXPECT_NE(refused.error().message.find("events.csv"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ShopParameters, AreRefusedWithTheirNameAndRange) {
  ShopParameters parameters;
  parameters.bot_share = 1.5;
  EXPECT_NE(validate(parameters).error().message.find("bot_share"), std::string::npos);
  parameters = {};
  parameters.start_date = 20250230;
  EXPECT_NE(validate(parameters).error().message.find("start_date"), std::string::npos);
  parameters = {};
  EXPECT_FALSE(ShopParameters::table().set(parameters, "custmers", "5").has_value());
  EXPECT_TRUE(ShopParameters::table().set(parameters, "language", "zh").has_value());
  EXPECT_EQ(parameters.language, Language::zh);
}

}  // namespace
}  // namespace attune::simulate
