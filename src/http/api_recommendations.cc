// Recommendations and the decisions behind them.
#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/text.h"
#include "attune/base/time.h"

namespace attune::http {
namespace {

namespace json = boost::json;
constexpr std::size_t kItemsMax = 500;
constexpr std::size_t kPolicyBytes = 64;

json::array reasons_json(const std::vector<engine::Reason>& reasons) {
  json::array all;
  for (const engine::Reason& reason : reasons) {
    json::object one{{"text", reason.text}};
    if (!reason.item_id.empty()) {
      one["item_id"] = reason.item_id;
      one["item_name"] = reason.item_name;
      one["share"] = reason.share;
    }
    all.push_back(std::move(one));
  }
  return all;
}

json::value served_json(const engine::Served& served, bool explain) {
  const decide::Decision& decision = served.decision;
  json::array items;
  for (std::size_t i = 0; i < served.items.size(); ++i) {
    const engine::RecommendedItem& item = served.items[i];
    json::object one{{"rank", item.rank},
                     {"item_id", item.item_id},
                     {"item_name", item.item_name},
                     {"score", item.score},
                     {"probability", served.probabilities[i]}};
    if (explain) one["reasons"] = reasons_json(item.reasons);
    items.push_back(std::move(one));
  }
  return json::object{{"recommendation_id", decision.id},
                      {"model", fmt::format("{}/{}", decision.model, decision.model_version)},
                      {"policy", decision.policy},
                      {"personal", decision.personal},
                      {"notes", json::array(decision.notes.begin(), decision.notes.end())},
                      {"items", std::move(items)}};
}

// The field that an error of recommend is about.
std::string_view field_of(const engine::ServeRequest& request, ErrorCode code) {
  if (code == ErrorCode::not_found) return "similar_to";
  if (code != ErrorCode::invalid_argument) return {};
  if (request.count < 1 || request.count > engine::Serving::kCountMax) return "count";
  if (request.language != "en" && request.language != "zh") return "language";
  if (!decide::parse_policy(request.policy)) return "policy";
  return "where";
}

Answer serve(engine::Service& service, engine::ServeRequest& request) {
  request.surface = normalise_text(request.surface);
  auto served = service.recommend(request);
  if (!served)
    return std::unexpected(fault(served.error(), field_of(request, served.error().code)));
  return json_response(served_json(*served, request.explain));
}

Answer recommend(const Call& call) {
  engine::ServeRequest request;
  Fields fields(call.body);
  fields.id("customer", request.customer)
      .id("anonymous", request.anonymous)
      .ids("items", request.items, kItemsMax)
      .id("similar_to", request.similar_to)
      .number("count", request.count)
      .text("where", request.where)
      .ids("exclude", request.exclude, kItemsMax)
      .flag("include_seen", request.include_seen)
      .flag("explain", request.explain)
      .text("surface", request.surface, kSurfaceBytes)
      .text("policy", request.policy, kPolicyBytes)
      .text("language", request.language, 8);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  return serve(call.service, request);
}

std::string* text_parameter(engine::ServeRequest& request, std::string_view name) {
  if (name == "where") return &request.where;
  if (name == "surface") return &request.surface;
  if (name == "policy") return &request.policy;
  return name == "language" ? &request.language : nullptr;
}

// The same by GET, for one customer or one item.
Answer recommend_by_query(const Call& call, std::string engine::ServeRequest::* subject,
                          const std::string& id) {
  engine::ServeRequest request;
  request.*subject = id;
  for (const auto& [name, value] : call.request.query) {
    if (name == "count") {
      const auto read = std::from_chars(value.data(), value.data() + value.size(), request.count);
      if (read.ec != std::errc() || read.ptr != value.data() + value.size()) {
        return std::unexpected(fault(invalid_argument("count has to be a whole number"), "count"));
      }
    } else if (std::string* text = text_parameter(request, name)) {
      if (value.size() > (name == "where"     ? 4096
                          : name == "surface" ? kSurfaceBytes
                                              : kPolicyBytes))
        return std::unexpected(fault(invalid_argument("this is too long"), name));
      *text = value;
    } else if (name == "explain") {
      request.explain = value == "true" || value == "1";
      if (!request.explain && value != "false" && value != "0")
        return std::unexpected(fault(invalid_argument("explain is true or false"), name));
    } else {
      return std::unexpected(
          fault(invalid_argument(
                    fmt::format("'{}' is no parameter of this request", attune::quoted(name))),
                attune::quoted(name)));
    }
  }
  return serve(call.service, request);
}

Answer find_decision(const Call& call) {
  auto decision = call.service.find_decision(call.parameter(0));
  if (!decision) return std::unexpected(fault(decision.error()));
  return Response{.body = decide::to_json(*decision)};
}

Answer replay(const Call& call) {
  auto decision = call.service.find_decision(call.parameter(0));
  if (!decision) return std::unexpected(fault(decision.error()));
  if (Status same = decide::replay(*decision); !same) return std::unexpected(fault(same.error()));
  return json_response(json::object{{"recommendation_id", decision->id}, {"same", true}});
}

constexpr const char* kRequest =
    R"({"type":"object","additionalProperties":false,"properties":{"customer":{"type":"string","maxLength":512},"anonymous":{"type":"string","maxLength":512},"items":{"type":"array","maxItems":500,"items":{"type":"string"}},"similar_to":{"type":"string","maxLength":512},"count":{"type":"integer","minimum":1,"maximum":100},"where":{"type":"string"},"exclude":{"type":"array","maxItems":500,"items":{"type":"string"}},"include_seen":{"type":"boolean"},"explain":{"type":"boolean"},"surface":{"type":"string","maxLength":128},"policy":{"type":"string","maxLength":64},"language":{"type":"string","enum":["en","zh"]}}})";
constexpr const char* kList =
    R"({"type":"object","required":["recommendation_id","model","policy","personal","notes","items"],"properties":{"recommendation_id":{"type":"string"},"model":{"type":"string"},"policy":{"type":"string"},"personal":{"type":"boolean"},"notes":{"type":"array","items":{"type":"string"}},"items":{"type":"array","items":{"type":"object","required":["rank","item_id","score","probability"],"properties":{"rank":{"type":"integer"},"item_id":{"type":"string"},"item_name":{"type":"string"},"score":{"type":"number"},"probability":{"type":"number"},"reasons":{"type":"array","items":{"type":"object"}}}}}}})";

}  // namespace

void add_recommendation_doors(ApiContext& api) {
  api.add_quick({.method = Method::post,
                 .path = "/v1/recommendations",
                 .scope = KeyScope::read,
                 .summary = "Chooses items for a customer, a session, a basket, or beside an item; "
                            "logs the decision",
                 .body = kRequest,
                 .answer = kList},
                recommend);
  const std::vector<std::string> query{"count",  "where",    "surface",
                                       "policy", "language", "explain"};
  api.add_quick({.method = Method::get,
                 .path = "/v1/customers/{id}/recommendations",
                 .scope = KeyScope::read,
                 .summary = "Chooses items for a customer; logs the decision",
                 .answer = kList,
                 .query = query},
                [](const Call& call) {
                  return recommend_by_query(call, &engine::ServeRequest::customer,
                                            call.parameter(0));
                });
  api.add_quick({.method = Method::get,
                 .path = "/v1/items/{id}/similar",
                 .scope = KeyScope::read,
                 .summary = "Items that are met by the same customers; logs the decision",
                 .answer = kList,
                 .query = query},
                [](const Call& call) {
                  return recommend_by_query(call, &engine::ServeRequest::similar_to,
                                            call.parameter(0));
                });
  api.add({.method = Method::get,
           .path = "/v1/decisions/{id}",
           .scope = KeyScope::read,
           .summary = "A logged decision: shortlist, probabilities, model, seed"},
          find_decision);
  api.add({.method = Method::post,
           .path = "/v1/decisions/{id}/replay",
           .scope = KeyScope::read,
           .summary = "Chooses again from the log; an error when anything comes out otherwise"},
          replay);
}

}  // namespace attune::http
