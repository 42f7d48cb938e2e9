#include "attune/http/api.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/time.h"
#include "openapi.h"

namespace attune::http {
namespace {

constexpr const char* kMethods = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
constexpr const char* kHeaders =
    "Authorization, Content-Type, Content-Encoding, X-API-Key, X-Retry-Count, X-Strict-Mode, "
    "traceparent";
// What a page may read of an answer.
constexpr const char* kExposed = "Retry-After, X-RateLimit-Reset, traceparent";

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}

// <2 hex>-<32 hex>-<16 hex>-<2 hex>, as W3C writes it: no version ff, and no id of zeros alone.
bool is_traceparent(std::string_view text) {
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view trace = text.substr(3, 32), parent = text.substr(36, 16);
  const auto some = [](std::string_view id) { return id.find_first_not_of('0') != id.npos; };
  return is_hex(text.substr(0, 2)) && !text.starts_with("ff") && is_hex(trace) && some(trace) &&
         is_hex(parent) && some(parent) && is_hex(text.substr(53));
}

}  // namespace

struct Api::Impl {
  ApiContext context;
  std::string document;

  Impl(engine::Service& service, const ApiOptions& options) : context(service, options) {
    add_doors(context);
    context.add_raw(
        {.method = Method::get, .path = "/openapi.json", .summary = "This document"},
        [this](std::shared_ptr<Request>, const Respond& respond) { respond({.body = document}); });
    document = openapi_document(context.doors, options.version);
  }
};

Api::Api(engine::Service& service, const ApiOptions& options)
    : impl_(std::make_unique<Impl>(service, options)) {}
Api::~Api() = default;

Handler Api::handler() {
  return [this](std::shared_ptr<Request> request, const Respond& respond) {
    impl_->context.router.handle(std::move(request), respond);
  };
}

void Api::decorate(const Request& request, Response& response) const {
  if (const std::string_view trace = request.header("traceparent"); is_traceparent(trace))
    response.set_header("traceparent", std::string(trace));
  if (request.header("Origin").empty()) return;
  // Keys travel in headers and bodies, never in cookies: any page may ask with a key that it has.
  response.set_header("Access-Control-Allow-Origin", "*");
  response.set_header("Access-Control-Expose-Headers", kExposed);
  if (request.method != Method::options) return;
  response.set_header("Access-Control-Allow-Methods", kMethods);
  response.set_header("Access-Control-Allow-Headers", kHeaders);
  response.set_header("Access-Control-Max-Age", "600");
}

void Api::observe(const Request& request, const Response& response,
                  std::chrono::microseconds took) {
  impl_->context.metrics.count(name(request.method), request.route.empty() ? "none" : request.route,
                               response.status, took);
  if (!impl_->context.options.log) return;
  boost::json::object line{{"time", format_iso(impl_->context.service.now())},
                           {"method", name(request.method)},
                           {"route", request.route},
                           {"status", response.status},
                           {"micros", took.count()},
                           {"peer", request.peer}};
  if (const std::string_view trace = request.header("traceparent"); is_traceparent(trace))
    line["trace_id"] = trace.substr(3, 32);
  impl_->context.options.log(boost::json::serialize(line));
}

std::string Api::openapi() const { return impl_->document; }

}  // namespace attune::http
