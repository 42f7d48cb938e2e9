// Items and customers as the shop knows them. A change is an event.
#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/text.h"
#include "attune/base/time.h"
#include "catalog_change.h"

namespace attune::http {
namespace {

namespace json = boost::json;
using events::Event;
using events::EventType;

constexpr std::size_t kBulkMax = 1'000;
constexpr auto kSettle = std::chrono::seconds(3);  // at most, while others come in

Answer record(engine::Service& service, std::vector<std::unique_ptr<CatalogChange>>& changes) {
  std::vector<Event> events;
  for (const auto& change : changes) events.push_back(change->event());
  if (!events.empty()) {
    if (Status written = service.accept(events); !written)
      return std::unexpected(fault(written.error()));
  }
  return json_response(json::object{{"accepted", events.size()}});
}

std::expected<std::string, Fault> id_in(const json::value& body, const std::string& prefix) {
  std::string id;
  const json::object* object = body.if_object();
  const json::value* stated = object == nullptr ? nullptr : object->if_contains("id");
  if (stated != nullptr && stated->is_string()) id = std::string(stated->as_string());
  if (stated != nullptr && stated->is_int64()) id = std::to_string(stated->as_int64());
  return clean_id(id, prefix + ".id");
}

// Who was forgotten does not come back by being stated anew.
std::expected<void, Fault> not_forgotten(const Call& call, EventType type, const std::string& id,
                                         std::string_view field) {
  if (type != EventType::customer_changed || !call.service.is_forgotten(id)) return {};
  return std::unexpected(fault(failed_precondition("this customer was forgotten and is kept out; a "
                                                   "person who comes back needs another id"),
                               field));
}

Currency shop_currency(engine::Workspace& workspace) {
  const Currency stated = workspace.shop_settings().currency;
  if (stated.known()) return stated;
  const auto reporting = workspace.reporting_currency();
  return reporting && *reporting ? **reporting : Currency();
}

using Pricings = std::map<std::string, ItemPricing>;  // by item

// Of the items whose change needs it. Items that were stated just now are waited for.
std::expected<Pricings, Fault> pricings_of(
    const Call& call, const std::vector<std::unique_ptr<CatalogChange>>& changes) {
  Pricings pricings;
  for (const auto& change : changes) {
    if (change->needs_pricing()) pricings[change->id()];
  }
  if (pricings.empty()) return pricings;
  (void)call.service.settle(kSettle);
  const Status read = call.service.with([&](engine::Workspace& workspace) -> Status {
    for (auto& [id, pricing] : pricings) {
      ATTUNE_ASSIGN_OR_RETURN(const auto item, workspace.catalog().item(id, workspace.now()));
      pricing.priced = item && item->price_minor;
      pricing.currency = item && item->currency.known() ? item->currency : shop_currency(workspace);
    }
    return {};
  });
  if (!read) return std::unexpected(fault(read.error()));
  return pricings;
}

// What one row states of an item's price holds for the rows after it.
std::expected<void, Fault> state_prices(
    const Call& call, const std::vector<std::unique_ptr<CatalogChange>>& changes) {
  auto pricings = pricings_of(call, changes);
  if (!pricings) return std::unexpected(pricings.error());
  for (const auto& change : changes) {
    ItemPricing& known = (*pricings)[change->id()];
    if (auto good = change->state_price(known); !good) return good;
    if (change->pricing()) known = *change->pricing();
  }
  return {};
}

Answer put_one(const Call& call, EventType type, Method method) {
  if (auto good = not_forgotten(call, type, call.parameter(0), "id"); !good)
    return std::unexpected(good.error());
  std::vector<std::unique_ptr<CatalogChange>> changes;
  changes.push_back(std::make_unique<CatalogChange>(type, call.parameter(0), call.service.now()));
  if (auto good = changes.back()->read(call.body, ""); !good) return std::unexpected(good.error());
  if (auto good = state_prices(call, changes); !good) return std::unexpected(good.error());
  if (method == Method::put) changes.back()->put_on_shelf();
  return record(call.service, changes);
}

Answer put_many(const Call& call, EventType type, const char* list) {
  const json::object* object = call.body.if_object();
  const json::value* rows = object == nullptr ? nullptr : object->if_contains(list);
  if (rows == nullptr || !rows->is_array() || rows->as_array().size() > kBulkMax) {
    return std::unexpected(
        fault(invalid_argument(fmt::format("a list of at most {} objects belongs here", kBulkMax)),
              list));
  }
  std::vector<std::unique_ptr<CatalogChange>> changes;
  for (std::size_t i = 0; i < rows->as_array().size(); ++i) {
    const json::value& row = rows->as_array()[i];
    const std::string place = fmt::format("{}[{}]", list, i);
    auto id = id_in(row, place);
    if (!id) return std::unexpected(id.error());
    if (auto good = not_forgotten(call, type, *id, place + ".id"); !good)
      return std::unexpected(good.error());
    changes.push_back(std::make_unique<CatalogChange>(type, *id, call.service.now()));
    if (auto good = changes.back()->read(row, place); !good) return std::unexpected(good.error());
    changes.back()->put_on_shelf();
  }
  if (auto good = state_prices(call, changes); !good) return std::unexpected(good.error());
  return record(call.service, changes);
}

// An item that was stated just now is waited for.
Status find_item(const Call& call) {
  const auto find = [&] {
    return call.service.with([&](engine::Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(const auto number, workspace.catalog().find(call.parameter(0)));
      if (number) return {};
      return std::unexpected(
          not_found(fmt::format("no item is called '{}'", attune::quoted(call.parameter(0)))));
    });
  };
  Status found = find();
  if (found || found.error().code != ErrorCode::not_found) return found;
  return call.service.settle(kSettle) ? find() : found;
}

Answer hide_item(const Call& call) {
  if (const Status known = find_item(call); !known)
    return std::unexpected(fault(known.error(), "id"));
  std::vector<std::unique_ptr<CatalogChange>> changes;
  changes.push_back(std::make_unique<CatalogChange>(EventType::item_changed, call.parameter(0),
                                                    call.service.now()));
  changes.back()->state("hidden", "true");
  return record(call.service, changes);
}

Answer forget_customer(const Call& call) {
  const std::vector<std::string> ids{call.parameter(0)};
  const auto receipts = call.service.forget(ids);
  if (!receipts) return std::unexpected(fault(receipts.error(), "id"));
  return Response{.body = engine::to_json(receipts->front())};
}

constexpr std::array<std::string_view, 3> kOwnFields{"id", "price", "currency"};

json::object item_json(const catalog::Item& item, Currency shop) {
  json::object object{{"id", item.id},
                      {"name", item.name},
                      {"brand", item.brand},
                      {"category", json::array(item.categories.begin(), item.categories.end())}};
  if (item.price_minor) {
    object["price"] = static_cast<double>(*item.price_minor) /
                      minor_units(item.currency.known() ? item.currency : shop);
  }
  if (item.currency.known()) object["currency"] = item.currency.to_string();
  if (item.stock) object["stock"] = *item.stock;
  for (const catalog::ItemAttribute& attribute : item.attributes) {
    if (attribute.name == "hidden" && attribute.value == "false") continue;
    if (json::value* before = object.if_contains(attribute.name); before == nullptr) {
      object[attribute.name] = attribute.value;
    } else if (before->is_array()) {
      before->as_array().emplace_back(attribute.value);
    } else if (std::ranges::count(kOwnFields, attribute.name) == 0) {
      *before = json::array{std::move(*before), attribute.value};
    }
  }
  return object;
}

Answer get_item(const Call& call) {
  json::object found;
  const Status read = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const auto item,
                            workspace.catalog().item(call.parameter(0), workspace.now()));
    if (!item) {
      return std::unexpected(
          not_found(fmt::format("no item is called '{}'", attune::quoted(call.parameter(0)))));
    }
    found = item_json(*item, shop_currency(workspace));
    return {};
  });
  if (!read) return std::unexpected(fault(read.error()));
  return json_response(found);
}

constexpr const char* kReceipt =
    R"({"type":"object","required":["number","forgotten_at","identifiers","holders","journal_files_deleted_by"],"properties":{"number":{"type":"integer"},"forgotten_at":{"type":"string"},"identifiers":{"type":"integer"},"holders":{"type":"array","items":{"type":"object","properties":{"holder":{"type":"string"},"touched":{"type":"integer"}}}},"journal_files_deleted_by":{"type":"string"}}})";
constexpr const char* kItem =
    R"({"type":"object","description":"name, category, brand, price, currency, stock, url, hidden, and any other attribute"})";
constexpr const char* kItems =
    R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","maxItems":1000,"items":{"type":"object","required":["id"]}}}})";
constexpr const char* kTraits =
    R"({"type":"object","description":"traits: texts, numbers, true or false"})";
constexpr const char* kCustomers =
    R"({"type":"object","required":["customers"],"properties":{"customers":{"type":"array","maxItems":1000,"items":{"type":"object","required":["id"]}}}})";

}  // namespace

void add_catalog_doors(ApiContext& api) {
  const auto put = [&api](Method method, const char* path, const char* summary, const char* body,
                          EventType type) {
    api.add({.method = method,
             .path = path,
             .scope = KeyScope::admin,
             .summary = summary,
             .body = body},
            [type, method](const Call& call) { return put_one(call, type, method); });
  };
  put(Method::put, "/v1/items/{id}",
      "States fields of an item, from now on, and puts it on the shelf; fields that are not named "
      "stay",
      kItem, EventType::item_changed);
  put(Method::patch, "/v1/items/{id}", "The same as PUT, but an item off the shelf stays off",
      kItem, EventType::item_changed);
  put(Method::put, "/v1/customers/{id}", "States traits of a customer", kTraits,
      EventType::customer_changed);
  put(Method::patch, "/v1/customers/{id}", "The same as PUT: traits that are not named stay",
      kTraits, EventType::customer_changed);
  api.add({.method = Method::post,
           .path = "/v1/items",
           .scope = KeyScope::admin,
           .summary = "States fields of many items, and puts them on the shelf",
           .body = kItems},
          [](const Call& call) { return put_many(call, EventType::item_changed, "items"); });
  api.add(
      {.method = Method::post,
       .path = "/v1/customers",
       .scope = KeyScope::admin,
       .summary = "States traits of many customers",
       .body = kCustomers},
      [](const Call& call) { return put_many(call, EventType::customer_changed, "customers"); });
  api.add({.method = Method::del,
           .path = "/v1/customers/{id}",
           .scope = KeyScope::admin,
           .summary = "Forgets a customer for good, and keeps their ids out; asked again, the same "
                      "receipt",
           .answer = kReceipt},
          forget_customer);
  api.add({.method = Method::get,
           .path = "/v1/items/{id}",
           .scope = KeyScope::read,
           .summary = "An item as it is now"},
          get_item);
  api.add({.method = Method::del,
           .path = "/v1/items/{id}",
           .scope = KeyScope::admin,
           .summary = "Takes an item off the shelf; what happened with it stays known"},
          hide_item);
}

}  // namespace attune::http
