#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/simulate/customer.h"
#include "attune/simulate/truth.h"
#include "truth_summary.h"
#include "words.h"

namespace attune::simulate {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFile = std::uint64_t{8} << 30;

// Reads a truth file field by field. None of them quotes.
class Table {
 public:
  static Result<Table> read(const fs::path& path) {
    ATTUNE_ASSIGN_OR_RETURN(std::string bytes, read_file(path, kLargestFile));
    Table table;
    table.path_ = path;
    table.bytes_ = std::move(bytes);
    if (!table.next_line()) return std::unexpected(table.wrong("it is empty"));
    return table;
  }

  bool next_line() {
    if (at_ >= bytes_.size()) return false;
    const std::size_t end = std::min(bytes_.find('\n', at_), bytes_.size());
    rest_ = std::string_view(bytes_).substr(at_, end - at_);
    at_ = end + 1;
    ++line_;
    short_ = bad_ = false;
    fields_left_ = true;
    return true;
  }

  std::string_view text() {
    if (!fields_left_) {
      short_ = true;
      return {};
    }
    const std::size_t comma = rest_.find(',');
    const std::string_view field = rest_.substr(0, comma);
    fields_left_ = comma != std::string_view::npos;
    rest_ = fields_left_ ? rest_.substr(comma + 1) : std::string_view{};
    return field;
  }

  double real() {
    const std::string_view field = text();
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    bad_ |= error != std::errc{} || end != field.data() + field.size() || !std::isfinite(value);
    return value;
  }

  std::int64_t number() {
    const double value = real();
    bad_ |= value < -9e15 || value > 9e15 || value != std::floor(value);
    return bad_ ? 0 : static_cast<std::int64_t>(value);
  }

  Style style() {
    Style style;
    for (float& component : style) component = static_cast<float>(real());
    return style;
  }

  // Whether the fields read so far were there and numbers.
  Status check() const {
    if (short_) return std::unexpected(wrong("fields are missing"));
    if (bad_) return std::unexpected(wrong("a field is no number"));
    return {};
  }

  Error wrong(std::string_view what) const {
    return data_corruption(
        fmt::format("{}, line {}: {}; simulate again", path_.string(), line_, what));
  }

 private:
  fs::path path_;
  std::string bytes_;
  std::string_view rest_;
  std::size_t at_ = 0;
  std::int64_t line_ = 0;
  bool fields_left_ = false;
  bool short_ = false;
  bool bad_ = false;
};

}  // namespace

Result<Truth> Truth::load(const fs::path& directory) {
  Truth truth;
  ATTUNE_RETURN_IF_ERROR(truth.read_summary(directory / "truth.json"));
  ATTUNE_RETURN_IF_ERROR(truth.read_items(directory / "truth_items.csv"));
  ATTUNE_RETURN_IF_ERROR(truth.read_customers(directory / "truth_customers.csv"));
  ATTUNE_RETURN_IF_ERROR(truth.read_bots(directory / "truth_bots.csv"));
  return truth;
}

Status Truth::read_summary(const fs::path& path) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  auto summary = parse_summary(bytes);
  if (!summary) {
    return std::unexpected(
        data_corruption(fmt::format("{}: {}", path.string(), summary.error().message)));
  }
  categories_ = std::move(summary->category_names);
  season_ = summary->season_at_end;
  planted_ = std::move(summary->planted);
  return {};
}

Status Truth::read_items(const fs::path& path) {
  ATTUNE_ASSIGN_OR_RETURN(Table table, Table::read(path));
  while (table.next_line()) {
    TrueItem item;
    item.id = table.text();
    const auto category = std::ranges::find(kCategories, table.text(), &CategoryFacts::key);
    item.weight = table.real();
    item.log_price_ratio = table.real();
    table.real();  // quality
    table.real();  // launch_day
    item.style = table.style();
    ATTUNE_RETURN_IF_ERROR(table.check());
    if (category == kCategories.end()) return std::unexpected(table.wrong("unknown category"));
    item.category = static_cast<int>(category - kCategories.begin());
    items_.push_back(std::move(item));
  }
  for (std::size_t i = 0; i < items_.size(); ++i) item_index_.emplace(items_[i].id, i);
  return {};
}

Status Truth::read_customers(const fs::path& path) {
  ATTUNE_ASSIGN_OR_RETURN(Table table, Table::read(path));
  while (table.next_line()) {
    TrueCustomer customer;
    customer.id = table.text();
    customer.buys = table.number() != 0;
    table.number();  // acquired_day
    const std::string_view alive_until = table.text();
    for (int skipped = 0; skipped < 3; ++skipped) table.real();  // rates
    customer.tastes.price_sensitivity = static_cast<float>(table.real());
    customer.orders = table.number();
    customer.orders_named = table.number();
    table.real();  // spent
    std::string_view devices = table.text();
    for (float& share : customer.tastes.categories) share = static_cast<float>(table.real());
    customer.tastes.style = table.style();
    ATTUNE_RETURN_IF_ERROR(table.check());
    const auto& shares = customer.tastes.categories;
    customer.top_category = static_cast<int>(std::ranges::max_element(shares) - shares.begin());
    if (!alive_until.empty()) {
      auto time = parse_iso(alive_until);
      if (!time) return std::unexpected(table.wrong("alive_until is no time"));
      customer.alive_until = utc_from_civil(time->civil);
    }
    while (!devices.empty()) {
      const std::size_t blank = std::min(devices.find(' '), devices.size());
      device_owner_.emplace(devices.substr(0, blank), customers_.size());
      devices.remove_prefix(std::min(blank + 1, devices.size()));
    }
    customers_.push_back(std::move(customer));
  }
  for (std::size_t i = 0; i < customers_.size(); ++i) {
    customer_index_.emplace(customers_[i].id, i);
  }
  return {};
}

Status Truth::read_bots(const fs::path& path) {
  ATTUNE_ASSIGN_OR_RETURN(Table table, Table::read(path));
  while (table.next_line()) bots_.emplace(table.text());
  return {};
}

}  // namespace attune::simulate
