// What is true about a simulated shop, to check results against. Answers: how good was that really?
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/simulate/taste.h"

namespace attune::simulate {

// What the rows of a file are. Rows count without the heading.
// rows = good + exact_duplicates + resent + malformed (all kinds).
struct FileCounts {
  std::int64_t rows = 0;
  std::int64_t good = 0;              // well-formed, each counted once
  std::int64_t exact_duplicates = 0;  // equal an earlier row byte by byte
  std::int64_t exact_duplicates_with_event_id = 0;
  std::int64_t resent = 0;            // event id and moment of an earlier row, written otherwise
  std::int64_t missing_customer = 0;  // good rows with neither customer nor anonymous id
  std::int64_t missing_customer_rows = 0;         // the same with repeats counted
  std::int64_t refunds = 0;                       // good rows
  std::int64_t refund_rows = 0;                   // with repeats
  std::map<std::string, std::int64_t> malformed;  // by the reason that a reader gives
  std::map<std::string, std::int64_t> good_by_event;

  std::int64_t malformed_total() const;
};

struct PlantedCounts {
  FileCounts events;
  FileCounts orders;
  std::int64_t items = 0;
  std::int64_t customers = 0;
  std::int64_t bots = 0;
  std::int64_t bot_rows = 0;  // good rows of events.csv
  std::int64_t sessions = 0;  // of people, online
  std::int64_t buying_sessions = 0;
  std::int64_t orders_placed = 0;
  std::int64_t orders_without_customer = 0;
  std::int64_t customers_with_order = 0;
  std::int64_t customers_with_repeat_order = 0;
};

struct TrueItem {
  std::string id;
  int category = 0;
  double weight = 0;  // popularity at the end of the window
  double log_price_ratio = 0;
  Style style{};
};

struct TrueCustomer {
  std::string id;
  bool buys = true;
  Tastes tastes;
  int top_category = 0;                  // of the tastes
  std::optional<Timestamp> alive_until;  // absent: still alive at the end
  std::int64_t orders = 0;
  std::int64_t orders_named = 0;  // recorded with their customer
};

// A mean over customers with its 95 % interval (normal approximation), over those that the truth
// knows.
struct Score {
  double mean = 0;
  double low = 0;
  double high = 0;
  std::int64_t count = 0;
  std::int64_t unknown = 0;  // ids that are not of this shop, left out
};

struct RecommendedList {
  std::string_view customer;
  std::span<const std::string> items;
};
struct CustomerLabel {
  std::string_view customer;
  std::string_view label;
};
struct CustomerScore {
  std::string_view customer;
  double score = 0;
};

// Threads: immutable after `load`, safe to share.
class Truth {
 public:
  Truth(Truth&&) = default;  // no copies: the indices look into the vectors
  Truth& operator=(Truth&&) = default;

  // Reads the truth files of a folder that `write_shop` made.
  // Errors: not_found; data_corruption naming file and line.
  static Result<Truth> load(const std::filesystem::path& directory);

  const PlantedCounts& planted() const { return planted_; }
  const std::vector<TrueItem>& items() const { return items_; }
  const std::vector<TrueCustomer>& customers() const { return customers_; }
  const std::vector<std::string>& category_names() const { return categories_; }
  const TrueItem* find_item(std::string_view id) const;
  const TrueCustomer* find_customer(std::string_view id) const;
  bool is_bot(std::string_view anonymous_id) const;
  // The customer whose device this is; empty if nobody's who ever said.
  std::string_view owner_of(std::string_view anonymous_id) const;

  // Chance of each item, in the order of `items()`, to be what the customer buys next after the
  // window ends. Sums to 1.
  // Cost: O(items).
  std::vector<double> next_item_probabilities(const TrueCustomer& customer) const;
  // Chance that the next thing bought is on the list; items unknown to the truth or named twice add
  // nothing.
  double list_probability(const TrueCustomer& customer, std::span<const std::string> items) const;
  // The best list of k that anyone could make, best first; ties in the order of items.
  std::vector<std::string> best_list(const TrueCustomer& customer, int k) const;

  // Mean of `list_probability`: what a recommender is worth under the true tastes.
  Score list_probability(std::span<const RecommendedList> lists) const;
  // Share of customers whose label names their true top category.
  Score top_category_found(std::span<const CustomerLabel> preferred) const;
  // Chance that a customer who is still alive scores above one who is gone (ROC AUC; ties count
  // half); its interval is Hanley and McNeil's [Hanley1982]. Customers without an order named in
  // the files are left out as unknown.
  // Missing values: a count of 0 if either kind is absent.
  Score alive_found(std::span<const CustomerScore> scores) const;

 private:
  Truth() = default;
  std::vector<std::string> categories_;
  std::array<double, kCategoryCount> season_{};
  std::vector<TrueItem> items_;
  std::vector<TrueCustomer> customers_;
  std::unordered_map<std::string_view, std::size_t> item_index_;
  std::unordered_map<std::string_view, std::size_t> customer_index_;
  std::unordered_map<std::string, std::size_t> device_owner_;
  std::unordered_set<std::string> bots_;
  PlantedCounts planted_;

  Status read_summary(const std::filesystem::path& path);
  Status read_items(const std::filesystem::path& path);
  Status read_customers(const std::filesystem::path& path);
  Status read_bots(const std::filesystem::path& path);
};

}  // namespace attune::simulate
