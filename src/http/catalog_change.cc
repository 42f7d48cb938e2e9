#include "catalog_change.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::http {
namespace {

namespace json = boost::json;

constexpr std::size_t kValueBytes = 8'192;
constexpr double kExact = 9'007'199'254'740'992;  // 2^53: whole numbers below it are all doubles
constexpr std::array<std::string_view, 6> kSingle{"name",     "brand", "price",
                                                  "currency", "stock", "hidden"};

std::unexpected<Fault> wrong(std::string message, const std::string& field) {
  return std::unexpected(fault(invalid_argument(std::move(message)), field));
}

// As people write them: 19.99 and not 1.999E1.
std::expected<std::string, Fault> number_text(const json::value& value, const std::string& field) {
  if (value.is_int64()) return fmt::format("{}", value.as_int64());
  if (value.is_uint64()) return fmt::format("{}", value.as_uint64());
  const double number = value.as_double();
  if (!std::isfinite(number) || std::abs(number) >= kExact)
    return wrong("beyond what numbers hold; send it as a text", field);
  if (number == std::trunc(number)) return fmt::format("{:.0f}", number == 0 ? 0 : number);
  return fmt::format("{}", number);
}

// The text that a scalar is kept as.
std::expected<std::string, Fault> scalar_text(const json::value& value, const std::string& field) {
  std::string text;
  if (value.is_null()) {
    return wrong(
        "null changes nothing, for what was stated stays known: leave the field out, or state what "
        "holds from now on",
        field);
  }
  if (value.is_string()) {
    text = normalise_text(std::string_view(value.as_string()));
    if (text.empty())
      return wrong("an empty text changes nothing: leave the field out, or state a text", field);
  } else if (value.is_bool()) {
    text = value.as_bool() ? "true" : "false";
  } else if (value.is_number()) {
    return number_text(value, field);
  } else {
    return wrong("a text, a number, true, false, or a list of them belongs here", field);
  }
  if (text.size() > kValueBytes)
    return wrong(fmt::format("longer than {} bytes", kValueBytes), field);
  return text;
}

std::expected<double, Fault> amount_in(const json::value& value, const std::string& field) {
  boost::system::error_code failure;
  const auto number = value.to_number<double>(failure);
  if (!failure && number >= 0 && number <= 1e12) return number;
  return wrong("a number from 0 to 1e12 belongs here, and no text", field);
}

}  // namespace

double minor_units(Currency currency) { return std::pow(10., currency.exponent()); }

CatalogChange::CatalogChange(events::EventType type, std::string id, Timestamp time)
    : id_(std::move(id)) {
  event_.type = type;
  event_.time = time;
  event_.source = "api";
}

void CatalogChange::put_on_shelf() {
  if (of_item() && !says_hidden_) state("hidden", "false");
}

void CatalogChange::state(std::string name, std::string value) {
  texts_.emplace_back(std::move(name), std::move(value));
}

const events::Event& CatalogChange::event() {
  attributes_.clear();
  for (const auto& [name, value] : texts_) attributes_.push_back({name, value});
  if (of_item()) {
    event_.item = id_;
    event_.item_attributes = attributes_;
  } else {
    event_.customer = id_;
    event_.customer_attributes = attributes_;
  }
  return event_;
}

std::expected<void, Fault> CatalogChange::read(const json::value& body, const std::string& prefix) {
  prefix_ = prefix;
  const json::object* object = body.if_object();
  if (object == nullptr) return wrong("an object belongs here", prefix);
  for (const auto& one : *object) {
    const std::string shown = attune::quoted(std::string_view(one.key()));
    const std::string field = prefix.empty() ? shown : fmt::format("{}.{}", prefix, shown);
    auto name = clean_id(std::string_view(one.key()), field);
    if (!name) return std::unexpected(name.error());
    if (!names_.insert(*name).second)
      return wrong(fmt::format("'{}' stands twice; leave one out", attune::quoted(*name)), field);
    if (auto good = member(std::move(*name), one.value(), field); !good) return good;
  }
  return {};
}

std::expected<void, Fault> CatalogChange::member(std::string name, const json::value& value,
                                                 const std::string& field) {
  if (name == "id") {
    const bool same =
        (value.is_string() && clean_id(std::string_view(value.as_string()), field) == id_) ||
        (value.is_int64() && std::to_string(value.as_int64()) == id_);
    if (same) return {};
    return wrong(
        fmt::format("this is '{}' and keeps its id; leave the field out", attune::quoted(id_)),
        field);
  }
  if (value.is_array()) return list(name, value.as_array(), field);
  auto text = scalar_text(value, field);
  if (!text) return std::unexpected(text.error());
  if (of_item()) {
    if (auto good = known_field(name, value, field); !good) return good;
    if (name == "price") return {};  // stated with its currency
  }
  state(std::move(name), std::move(*text));
  return {};
}

std::expected<void, Fault> CatalogChange::list(const std::string& name, const json::array& values,
                                               const std::string& field) {
  if (of_item() && std::ranges::count(kSingle, name) > 0)
    return wrong("one value belongs here, and no list", field);
  if (values.empty())
    return wrong("an empty list changes nothing: leave the field out, or state a value", field);
  std::string whole;  // of a customer
  for (const json::value& value : values) {
    auto text = scalar_text(value, field);
    if (!text) return std::unexpected(text.error());
    if (!of_item()) {
      whole += whole.empty() ? "[" : ",";
      whole += value.is_string() ? json::serialize(json::string(*text)) : *text;
    } else {
      state(name, std::move(*text));
    }
  }
  if (of_item()) return {};
  whole += "]";
  if (whole.size() > kValueBytes)
    return wrong(fmt::format("longer than {} bytes", kValueBytes), field);
  state(name, std::move(whole));
  return {};
}

// What the catalogue reads itself has to be of its kind.
std::expected<void, Fault> CatalogChange::known_field(const std::string& name,
                                                      const json::value& value,
                                                      const std::string& field) {
  if (name == "hidden") {
    says_hidden_ = true;
    const bool good =
        value.is_bool() ||
        (value.is_string() && (value.as_string() == "true" || value.as_string() == "false"));
    if (!good) return wrong("true or false belongs here", field);
  }
  if (name == "price" || name == "stock") {
    const auto number = amount_in(value, field);
    if (!number) return std::unexpected(number.error());
    if (name == "price") price_ = *number;
  }
  if (name == "currency") {
    const auto stated = value.is_string()
                            ? Currency::parse(std::string_view(value.as_string()))
                            : Result<Currency>(std::unexpected(invalid_argument(
                                  "a currency is a text of three letters, such as \"GBP\"")));
    if (!stated) return std::unexpected(fault(stated.error(), field));
    currency_ = *stated;
  }
  return {};
}

// Facts hold prices in minor units; the API takes them as shops write them.
std::expected<void, Fault> CatalogChange::state_price(const ItemPricing& known) {
  if (!price_ && !currency_) return {};
  ItemPricing pricing = known;
  if (!price_ && pricing.priced && pricing.currency.exponent() != currency_->exponent()) {
    return wrong(fmt::format("the item has a price{}; state the price in {} with it",
                             pricing.currency.known() ? " in " + pricing.currency.to_string() : "",
                             currency_->to_string()),
                 prefix_.empty() ? "currency" : prefix_ + ".currency");
  }
  if (currency_) {
    pricing.currency = *currency_;
  } else if (pricing.currency.known()) {
    state("currency", pricing.currency.to_string());
  }
  if (price_) {
    pricing.priced = true;
    state("price", fmt::format("{:.0f}", *price_ * minor_units(pricing.currency)));
  }
  pricing_ = pricing;
  return {};
}

}  // namespace attune::http
