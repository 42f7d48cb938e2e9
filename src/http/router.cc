#include "attune/http/router.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "attune/base/text.h"
#include "target.h"

namespace attune::http {

struct Router::Route {
  std::string pattern;
  Handler handler;
};

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> one;   // "{name}"
  std::unique_ptr<Node> rest;  // "{name...}"
  std::array<std::unique_ptr<Route>, kMethodCount> routes;

  bool answers() const {
    return std::ranges::any_of(routes, [](const auto& route) { return route != nullptr; });
  }
};

namespace {

enum class Kind : std::uint8_t { literal, one, rest, malformed };

Kind kind_of(std::string_view segment) {
  if (segment.find_first_of("{}") == segment.npos) return Kind::literal;
  if (!segment.starts_with('{') || !segment.ends_with('}')) return Kind::malformed;
  std::string_view inner = segment.substr(1, segment.size() - 2);
  const bool rest = inner.ends_with("...");
  if (rest) inner.remove_suffix(3);
  if (inner.empty() || inner.find_first_of("{}.") != inner.npos) return Kind::malformed;
  return rest ? Kind::rest : Kind::one;
}

std::vector<std::string> split_literally(std::string_view path) {
  std::vector<std::string> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

std::optional<std::vector<std::string>> segments_of(const Request& request) {
  if (request.target.empty()) return split_literally(request.path);
  const std::string_view target = request.target;
  return split_path(target.substr(0, target.find('?')));
}

std::string joined(const std::vector<std::string>& segments, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < segments.size(); ++i) {
    if (i > from) out += '/';
    out += segments[i];
  }
  return out;
}

std::string allow_header(const std::array<bool, kMethodCount>& known) {
  std::string out;
  for (std::size_t i = 0; i < kMethodCount; ++i) {
    const auto method = static_cast<Method>(i);
    const bool by_get = method == Method::head && known[static_cast<std::size_t>(Method::get)];
    if (!known[i] && !by_get && method != Method::options) continue;
    if (!out.empty()) out += ", ";
    out += name(method);
  }
  return out;
}

Response allowed(const std::array<bool, kMethodCount>& known) {
  Response response;
  response.status = 204;
  response.content_type.clear();
  response.headers.push_back({"Allow", allow_header(known)});
  return response;
}

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(Method method, const std::string& pattern, Handler handler) {
  ATTUNE_CHECK(pattern.starts_with('/'), "a pattern begins with a slash: " + pattern);
  ATTUNE_CHECK(handler != nullptr, "a route has a handler: " + pattern);
  Node* node = root_.get();
  const std::vector<std::string> segments = split_literally(pattern);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Kind kind = kind_of(segments[i]);
    ATTUNE_CHECK(kind != Kind::malformed, "a segment is literal, {name} or {name...}: " + pattern);
    ATTUNE_CHECK(kind != Kind::rest || i + 1 == segments.size(),
                 "{name...} stands at the end: " + pattern);
    std::unique_ptr<Node>& next = kind == Kind::literal ? node->literals[segments[i]]
                                  : kind == Kind::one   ? node->one
                                                        : node->rest;
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  std::unique_ptr<Route>& route = node->routes[static_cast<std::size_t>(method)];
  ATTUNE_CHECK(route == nullptr, "a route is added once: " + pattern);
  route = std::make_unique<Route>(Route{pattern, std::move(handler)});
  routes_.emplace_back(method, pattern);
}

// Depth first, the more literal branch before the less; `parameters` holds those of the way taken.
const Router::Node* Router::find(const std::vector<std::string>& segments, std::size_t at,
                                 const Node& node, std::vector<std::string>& parameters) const {
  if (at == segments.size()) return node.answers() ? &node : nullptr;
  if (const auto found = node.literals.find(segments[at]); found != node.literals.end()) {
    if (const Node* end = find(segments, at + 1, *found->second, parameters)) return end;
  }
  if (node.one && !segments[at].empty()) {
    parameters.push_back(segments[at]);
    if (const Node* end = find(segments, at + 1, *node.one, parameters)) return end;
    parameters.pop_back();
  }
  if (node.rest) {
    parameters.push_back(joined(segments, at));
    return node.rest.get();
  }
  return nullptr;
}

void Router::handle(std::shared_ptr<Request> request, Respond respond) const {
  std::array<bool, kMethodCount> known{};
  if (request->path == "*" && request->method == Method::options) {
    for (const auto& [method, pattern] : routes_) known[static_cast<std::size_t>(method)] = true;
    return respond(allowed(known));
  }
  const auto segments = segments_of(*request);
  if (!segments) {
    return respond(problem(400, reason_phrase(400), "the path has a bad escape or is not UTF-8"));
  }
  request->parameters.clear();
  const Node* node = find(*segments, 0, *root_, request->parameters);
  if (node == nullptr) {
    return respond(problem(
        not_found("nothing answers at '" + quoted(request->path, 200) + "' of this server")));
  }
  const Route* route = request->method == Method::other
                           ? nullptr
                           : node->routes[static_cast<std::size_t>(request->method)].get();
  if (route == nullptr && request->method == Method::head) {
    route = node->routes[static_cast<std::size_t>(Method::get)].get();
  }
  if (route != nullptr) {
    request->route = route->pattern;
    return route->handler(std::move(request), std::move(respond));
  }
  for (std::size_t i = 0; i < kMethodCount; ++i) {
    known[i] = node->routes[i] != nullptr;
    if (known[i] && request->route.empty()) request->route = node->routes[i]->pattern;
  }
  if (request->method == Method::options) return respond(allowed(known));
  const std::string_view what =
      request->method == Method::other ? "that method" : name(request->method);
  Response response =
      problem(405, reason_phrase(405),
              std::string(what) + " is not for this path; use " + allow_header(known));
  response.headers.push_back({"Allow", allow_header(known)});
  respond(std::move(response));
}

std::vector<std::pair<Method, std::string>> Router::routes() const { return routes_; }

}  // namespace attune::http
