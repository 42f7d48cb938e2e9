// How the service is.
#include <boost/json.hpp>

#include "api_context.h"

namespace attune::http {
namespace {

namespace json = boost::json;

// What a load balancer has to know tells nothing of the shop; the rest is for a key.
json::object health_json(const engine::Health& health, bool whole) {
  json::object told{{"ready", health.ready}, {"state", engine::name(health.state)}};
  if (!whole) return told;
  for (const auto& [name, value] : json::object{{"problem", health.problem},
                                                {"journal", health.journal},
                                                {"applied", health.applied},
                                                {"behind_seconds", health.behind_seconds},
                                                {"lost_rows", health.lost_rows},
                                                {"model", health.model},
                                                {"customers", health.customers},
                                                {"items", health.items},
                                                {"refused", health.refused},
                                                {"campaigns", health.campaigns}}) {
    told[name] = value;
  }
  return told;
}

}  // namespace

void add_health_doors(ApiContext& api) {
  api.add_quick({.method = Method::get,
                 .path = "/health/live",
                 .summary = "The process answers",
                 .answer = R"({"type":"object","required":["live"]})"},
                [](const Call&) -> Answer { return json_response(json::object{{"live", true}}); });
  api.add_quick({.method = Method::get,
                 .path = "/health/ready",
                 .summary = "Events are taken in and applied; 503 otherwise; with a read key: what "
                            "is wrong, and how far everything is",
                 .answer = R"({"type":"object","required":["ready","state"]})"},
                [&api](const Call& call) -> Answer {
                  const engine::Health health = call.service.health();
                  const bool whole = api.holds(call.request, KeyScope::read);
                  return json_response(health_json(health, whole), health.ready ? 200 : 503);
                });
  api.add_raw(
      {.method = Method::get,
       .path = "/metrics",
       .scope = KeyScope::read,
       .summary = "Counters and histograms, as Prometheus reads them",
       .type = "text/plain"},
      [&api](std::shared_ptr<Request> request, const Respond& respond) {
        if (auto refused = api.refuse(*request, ApiContext::key_of(*request), KeyScope::read)) {
          respond(std::move(*refused));
          return;
        }
        respond({.content_type = "text/plain; version=0.0.4",
                 .body = api.metrics.text(api.service.health())});
      });
}

}  // namespace attune::http
