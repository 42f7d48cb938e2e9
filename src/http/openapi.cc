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

// Faults that are the same at every door, by status: named once, and referred to.
struct SharedFault {
  int status;
  const char* what;
  const char* header;  // that comes with it; empty: none
  bool any_door;       // also where no key is asked for
};
constexpr SharedFault kSharedFaults[] = {
    {400, "what was sent is wrong: `field` names the place, `detail` the remedy", "", true},
    {401, "no key, or an unknown one", "WWW-Authenticate", false},
    {403, "the key's scope does not open this door", "", false},
    {404, "there is no such thing", "", false},
    {405, "the path has other methods, which Allow names", "Allow", true},
    {408, "the request came too slowly", "", true},
    {409, "something has to be done first, or is there already", "", false},
    {413, "the body is too large", "", true},
    {414, "the path and query are too long", "", true},
    {415, "the body is encoded otherwise than with gzip", "", true},
    {417, "an expectation other than 100-continue", "", true},
    {429, "too many; Retry-After says when to come back", "Retry-After", false},
    {431, "the headers are too large", "", true},
    {501, "a transfer encoding other than chunked", "", true},
    {503, "too much to do; come back in a moment", "Retry-After", true},
    {505, "a version of HTTP other than 1.0 and 1.1", "", true},
    {507, "the disk is full: nothing was kept; send it again when there is room", "Retry-After",
     false},
};

json::object shared_faults() {
  json::object all;
  for (const SharedFault& fault : kSharedFaults) {
    json::object told =
        answer(fault.what, "application/problem+json", {{"$ref", "#/components/schemas/Problem"}});
    if (*fault.header != '\0') {
      told["headers"] =
          json::object{{fault.header, json::object{{"schema", json::object{{"type", "string"}}}}}};
    }
    all[fmt::format("Fault{}", fault.status)] = std::move(told);
  }
  return all;
}

json::object answers(const Door& door) {
  json::object all;
  for (const SharedFault& fault : kSharedFaults) {
    const bool names_something = fault.status == 404 && door.path.find('{') != std::string::npos;
    if (!door.scope && !fault.any_door && !names_something) continue;
    all[std::to_string(fault.status)] =
        json::object{{"$ref", fmt::format("#/components/responses/Fault{}", fault.status)}};
  }
  const bool is_json = door.type == "application/json";
  json::object well = door.type.empty() ? json::object{{"description", "done"}}
                                        : answer("done", door.type,
                                                 is_json ? schema_of(door.answer)
                                                         : json::object{{"type", "string"}});
  if (door.status == 302) {
    well["headers"] =
        json::object{{"Location", json::object{{"schema", json::object{{"type", "string"}}}}}};
  }
  all[std::to_string(door.status)] = std::move(well);
  if (door.path == "/health/ready") {
    json::object both = content("application/json", {{"type", "object"}});
    both["application/problem+json"] =
        json::object{{"schema", json::object{{"$ref", "#/components/schemas/Problem"}}}};
    all["503"] = json::object{{"description", "not ready, and why; or too much to do"},
                              {"content", std::move(both)}};
  }
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
                     {"content", content(door.takes, schema_of(door.body))}};
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
                                  {"responses", shared_faults()},
                                  {"securitySchemes", schemes}}}});
}

}  // namespace attune::http
