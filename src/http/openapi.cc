#include "openapi.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace attune::http {
namespace {

namespace json = boost::json;

json::object schema_of(const std::string& text) {
  if (text.empty()) return {{"type", "object"}};
  return json::parse(text).as_object();
}

json::object content(std::string_view type, json::object schema) {
  return {{type, json::object{{"schema", std::move(schema)}}}};
}

json::object answer(std::string_view what, std::string_view type, json::object schema) {
  return {{"description", what}, {"content", content(type, std::move(schema))}};
}

json::object answers(const Door& door) {
  const bool is_text = door.path == "/metrics";
  const auto fault = [](std::string_view what) {
    return answer(what, "application/problem+json", {{"$ref", "#/components/schemas/Problem"}});
  };
  json::object all;
  const bool starts = door.path == "/v1/jobs" && door.method == Method::post;
  const bool makes = door.path.starts_with("/v1/keys") && door.method == Method::post;
  all[starts  ? "202"
      : makes ? "201"
              : "200"] = is_text ? answer("done", "text/plain", {{"type", "string"}})
                                 : answer("done", "application/json", schema_of(door.answer));
  if (door.path == "/health/ready")
    all["503"] = answer("not ready, and why", "application/json", {{"type", "object"}});
  if (!door.scope) return all;
  all["400"] = fault("what was sent is wrong: `field` names the place, `detail` the remedy");
  all["401"] = fault("no key, or an unknown one");
  all["403"] = fault("the key's scope does not open this door");
  all["404"] = fault("there is no such thing");
  all["409"] = fault("something has to be done first, or is there already");
  all["413"] = fault("the body is too large");
  all["429"] = fault("too many; Retry-After says when to come back");
  all["503"] = fault("too much to do; come back in a moment");
  return all;
}

json::array parameters(const Door& door) {
  json::array all;
  for (std::size_t at = door.path.find('{'); at != door.path.npos;
       at = door.path.find('{', at + 1)) {
    const std::size_t end = door.path.find('}', at);
    all.push_back(json::object{{"name", door.path.substr(at + 1, end - at - 1)},
                               {"in", "path"},
                               {"required", true},
                               {"schema", json::object{{"type", "string"}, {"minLength", 1}}}});
  }
  for (const std::string& name : door.query) {
    const bool number = name == "count" || name == "limit" || name == "after";
    all.push_back(json::object{{"name", name},
                               {"in", "query"},
                               {"schema", json::object{{"type", number ? "integer" : "string"}}}});
  }
  return all;
}

json::object operation(const Door& door) {
  json::object all{{"summary", door.summary}, {"responses", answers(door)}};
  if (json::array stated = parameters(door); !stated.empty()) all["parameters"] = std::move(stated);
  if (!door.body.empty()) {
    all["requestBody"] =
        json::object{{"required", door.body.find("\"required\"") != std::string::npos},
                     {"content", content("application/json", schema_of(door.body))}};
  }
  if (door.scope) {
    json::array keys;
    for (const char* scheme : {"basic", "bearer", "key"})
      keys.push_back(json::object{{scheme, json::array()}});
    all["security"] = std::move(keys);
    all["description"] = fmt::format("Opened by a {} key.", engine::name(*door.scope));
  }
  return all;
}

}  // namespace

std::string openapi_document(std::span<const Door> doors, std::string_view version) {
  json::object paths;
  for (const Door& door : doors) {
    std::string method(name(door.method));
    std::ranges::transform(method, method.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    json::value& path = paths[door.path];
    if (!path.is_object()) path.emplace_object();
    path.as_object()[method] = operation(door);
  }
  const json::object problem_schema{
      {"type", "object"},
      {"required", json::array{"title", "status"}},
      {"properties", json::object{{"type", json::object{{"type", "string"}}},
                                  {"title", json::object{{"type", "string"}}},
                                  {"status", json::object{{"type", "integer"}}},
                                  {"detail", json::object{{"type", "string"}}},
                                  {"field", json::object{{"type", "string"}}},
                                  {"code", json::object{{"type", "string"}}}}}};
  const json::object schemes{
      {"basic", json::object{{"type", "http"}, {"scheme", "basic"}}},
      {"bearer", json::object{{"type", "http"}, {"scheme", "bearer"}}},
      {"key", json::object{{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}};
  return json::serialize(json::object{
      {"openapi", "3.1.0"},
      {"info", json::object{{"title", "Attune"},
                            {"version", version},
                            {"description",
                             "Events in, recommendations and decisions out. Faults are problem "
                             "documents (RFC 9457)."}}},
      {"paths", std::move(paths)},
      {"components", json::object{{"schemas", json::object{{"Problem", problem_schema}}},
                                  {"securitySchemes", schemes}}}});
}

}  // namespace attune::http
