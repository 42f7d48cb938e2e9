// What a shop states of an item or a customer in a JSON object, as the event that says so.
#pragma once

#include <expected>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/money.h"
#include "attune/events/event.h"

namespace attune::http {

double minor_units(Currency currency);  // in one unit: 100 of GBP, 1 of JPY

// What an item's price is in, as everything accepted so far has it: its own currency, else the
// shop's, which need not be known.
struct ItemPricing {
  Currency currency;
  bool priced = false;
};

// Holds the texts that the event points to, and keeps them where they are: it cannot be moved.
class CatalogChange {
 public:
  // `type`: item_changed or customer_changed.
  CatalogChange(events::EventType type, std::string id, Timestamp time);
  CatalogChange(const CatalogChange&) = delete;
  CatalogChange& operator=(const CatalogChange&) = delete;

  // Names are cleaned as ids are, and each stands once. Of an item a list is several values of one
  // field, where the field may have several; of a customer it is kept as JSON. Faults name the
  // field, behind `prefix`.
  std::expected<void, Fault> read(const boost::json::value& body, const std::string& prefix);
  // Whether the body named only one of price and currency.
  bool needs_pricing() const { return price_.has_value() != currency_.has_value(); }
  // After `read`: states the price with its currency. `known` counts where it is needed. Faults: a
  // currency alone that would make another price of the item's.
  std::expected<void, Fault> state_price(const ItemPricing& known);
  // Whatever is stated whole is on the shelf, unless it says otherwise.
  void put_on_shelf();
  void state(std::string name, std::string value);

  const std::string& id() const { return id_; }
  // After `state_price`: what the price is in from now on; absent: the body said nothing of it.
  std::optional<ItemPricing> pricing() const { return pricing_; }
  // Valid while the change lives and nothing more is stated.
  const events::Event& event();

 private:
  bool of_item() const { return event_.type == events::EventType::item_changed; }
  std::expected<void, Fault> member(std::string name, const boost::json::value& value,
                                    const std::string& field);
  std::expected<void, Fault> list(const std::string& name, const boost::json::array& values,
                                  const std::string& field);
  std::expected<void, Fault> known_field(const std::string& name, const boost::json::value& value,
                                         const std::string& field);

  std::string id_;
  std::string prefix_;  // of fields, in faults
  std::optional<double> price_;
  std::optional<Currency> currency_;
  std::optional<ItemPricing> pricing_;
  bool says_hidden_ = false;
  std::set<std::string> names_;
  events::Event event_;
  std::vector<std::pair<std::string, std::string>> texts_;
  std::vector<events::Attribute> attributes_;
};

}  // namespace attune::http
