// Items and customers as the shop knows them. A change is an event.
#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/text.h"
#include "attune/base/time.h"

namespace attune::http {
namespace {

namespace json = boost::json;
using events::Attribute;
using events::Event;
using events::EventType;

constexpr std::size_t kBulkMax = 1'000;
constexpr std::size_t kValueBytes = 8'192;
constexpr auto kSettle = std::chrono::milliseconds(500);

double minor_units(Currency currency) { return std::pow(10., currency.exponent()); }

// The texts that events point to, kept where they are until the events are on disk.
class Change {
 public:
  // `currency`: of prices that come without one.
  Change(EventType type, std::string id, Timestamp time, Currency currency = {})
      : id_(std::move(id)), currency_(currency) {
    event_.type = type;
    event_.time = time;
    event_.source = "api";
  }

  // Scalars become texts; lists of texts several values of one name; objects are refused.
  std::expected<void, Fault> read(const json::value& body, const std::string& prefix) {
    const json::object* object = body.if_object();
    if (object == nullptr)
      return std::unexpected(fault(invalid_argument("an object belongs here"), prefix));
    for (const auto& member : *object) {
      const std::string name(member.key());
      if (name == "id") continue;
      const std::string field =
          prefix.empty() ? attune::quoted(name) : prefix + "." + attune::quoted(name);
      if (member.value().is_array()) {
        for (const json::value& one : member.value().as_array()) {
          if (auto good = add(name, one, field); !good) return good;
        }
      } else if (auto good = add(name, member.value(), field); !good) {
        return good;
      }
    }
    // Facts hold prices in minor units; the API takes them as shops write them.
    if (price_) state("price", fmt::format("{:.0f}", *price_ * minor_units(currency_)));
    return {};
  }

  // Whatever is stated whole is on the shelf, unless it says otherwise.
  void put_on_shelf() {
    if (event_.type == EventType::item_changed && !says_hidden_) state("hidden", "false");
  }

  void state(std::string name, std::string value) {
    texts_.push_back({std::move(name), std::move(value)});
  }

  // Valid while the change stays where it is.
  const Event& event() {
    attributes_.clear();
    for (const auto& [name, value] : texts_) attributes_.push_back({name, value});
    if (event_.type == EventType::item_changed) {
      event_.item = id_;
      event_.item_attributes = attributes_;
    } else {
      event_.customer = id_;
      event_.customer_attributes = attributes_;
    }
    return event_;
  }

 private:
  std::expected<void, Fault> add(const std::string& name, const json::value& value,
                                 const std::string& field) {
    auto cleaned = clean_id(name, field);
    if (!cleaned) return std::unexpected(cleaned.error());
    std::string text;
    if (value.is_string()) {
      text = normalise_text(std::string_view(value.as_string()));
    } else if (value.is_bool()) {
      text = value.as_bool() ? "true" : "false";
    } else if (value.is_number()) {
      text = json::serialize(value);
    } else if (value.is_null()) {
      return std::unexpected(fault(
          invalid_argument("null changes nothing, for what was stated stays known: leave the field "
                           "out, or state what holds from now on"),
          field));
    } else {
      return std::unexpected(
          fault(invalid_argument("a text, a number, true, false, or a list of them belongs here"),
                field));
    }
    if (text.size() > kValueBytes) {
      return std::unexpected(
          fault(invalid_argument(fmt::format("longer than {} bytes", kValueBytes)), field));
    }
    if (event_.type == EventType::item_changed) {
      if (name == "hidden") says_hidden_ = true;
      if (name == "price" || name == "stock") {
        const auto number = number_in(value, field);
        if (!number) return std::unexpected(number.error());
        if (name == "price") price_ = *number;
        if (name == "price") return {};
      }
      if (name == "currency") {
        const auto stated = Currency::parse(text);
        if (!stated) return std::unexpected(fault(stated.error(), field));
        currency_ = *stated;
      }
    }
    texts_.push_back({std::move(*cleaned), std::move(text)});
    return {};
  }

  static std::expected<double, Fault> number_in(const json::value& value,
                                                const std::string& field) {
    boost::system::error_code failure;
    const auto number = value.to_number<double>(failure);
    if (!failure && number >= 0 && number <= 1e12) return number;
    return std::unexpected(
        fault(invalid_argument("a number from 0 to 1e12 belongs here, and no text"), field));
  }

  std::string id_;
  Currency currency_;
  std::optional<double> price_;
  bool says_hidden_ = false;
  Event event_;
  std::vector<std::pair<std::string, std::string>> texts_;
  std::vector<Attribute> attributes_;
};

Answer record(engine::Service& service, std::vector<std::unique_ptr<Change>>& changes) {
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

Answer put_one(const Call& call, EventType type, Method method) {
  if (auto good = not_forgotten(call, type, call.parameter(0), "id"); !good)
    return std::unexpected(good.error());
  std::vector<std::unique_ptr<Change>> changes;
  changes.push_back(std::make_unique<Change>(type, call.parameter(0), call.service.now(),
                                             call.service.currency_of(call.parameter(0))));
  if (auto good = changes.back()->read(call.body, ""); !good) return std::unexpected(good.error());
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
  std::vector<std::unique_ptr<Change>> changes;
  for (std::size_t i = 0; i < rows->as_array().size(); ++i) {
    const json::value& row = rows->as_array()[i];
    const std::string place = fmt::format("{}[{}]", list, i);
    auto id = id_in(row, place);
    if (!id) return std::unexpected(id.error());
    if (auto good = not_forgotten(call, type, *id, place + ".id"); !good)
      return std::unexpected(good.error());
    const Currency currency = call.service.currency_of(*id);
    changes.push_back(std::make_unique<Change>(type, std::move(*id), call.service.now(), currency));
    if (auto good = changes.back()->read(row, place); !good) return std::unexpected(good.error());
    changes.back()->put_on_shelf();
  }
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
  std::vector<std::unique_ptr<Change>> changes;
  changes.push_back(
      std::make_unique<Change>(EventType::item_changed, call.parameter(0), call.service.now()));
  changes.back()->state("hidden", "true");
  return record(call.service, changes);
}

Answer forget_customer(const Call& call) {
  const std::vector<std::string> ids{call.parameter(0)};
  const auto receipts = call.service.forget(ids);
  if (!receipts) return std::unexpected(fault(receipts.error(), "id"));
  return Response{.body = engine::to_json(receipts->front())};
}

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
    const bool plain = attribute.name == "hidden" && attribute.value == "false";
    if (!plain) object[attribute.name] = attribute.value;
  }
  return object;
}

Answer get_item(const Call& call) {
  json::object found;
  const Status read = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const catalog::CatalogSnapshot catalog,
                            workspace.catalog().snapshot(workspace.now()));
    const catalog::Item* item = catalog.find_id(call.parameter(0));
    if (item == nullptr) {
      return std::unexpected(
          not_found(fmt::format("no item is called '{}'", attune::quoted(call.parameter(0)))));
    }
    found = item_json(*item, workspace.shop_settings().currency);
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
