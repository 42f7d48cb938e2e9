#include "metrics.h"

#include <array>
#include <map>
#include <mutex>

#include <fmt/format.h>

namespace attune::http {
namespace {

constexpr std::array kSeconds{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1., 5.};

struct Route {
  std::map<int, std::int64_t> by_status;
  std::array<std::int64_t, kSeconds.size()> within{};  // at most kSeconds[i]
  std::int64_t count = 0;
  double seconds = 0;
};

void single(std::string& out, std::string_view name, std::string_view kind, std::string_view help,
            double value) {
  out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, kind, value);
}

void shop_figures(std::string& out, const engine::Health& health) {
  const auto real = [](auto value) { return static_cast<double>(value); };
  single(out, "attune_events_accepted_total", "counter", "Events on disk since the start.",
         real(health.intake.events));
  single(out, "attune_intake_commits_total", "counter", "Syncs of the journal.",
         real(health.intake.commits));
  single(out, "attune_intake_refused_total", "counter", "Submissions that found the queue full.",
         real(health.intake.refused));
  single(out, "attune_intake_waiting", "gauge", "Submissions that wait for the disk.",
         real(health.intake.waiting));
  single(out, "attune_events_unapplied", "gauge", "Events on disk that stores do not hold yet.",
         real(health.journal - health.applied));
  single(out, "attune_applier_behind_seconds", "gauge",
         "For how long the applier has known of events to apply.", health.behind_seconds);
  single(out, "attune_lost_rows", "gauge", "Imported rows that a rebuilt history lacks.",
         real(health.lost_rows));
  single(out, "attune_messages_refused", "gauge", "Messages in quarantine.", real(health.refused));
  single(out, "attune_messages_refused_dropped_total", "counter",
         "The oldest messages of a full quarantine, which went when more came.",
         real(health.refused_dropped));
  single(out, "attune_suppressed_total", "counter",
         "Events and messages of forgotten customers that were left out since the start.",
         real(health.suppressed));
  single(out, "attune_decisions_total", "counter", "Decisions made since the start.",
         real(health.decisions));
  single(out, "attune_customers", "gauge", "Identifiers of customers that are known.",
         real(health.customers));
  single(out, "attune_items", "gauge", "Items in the catalogue.", real(health.items));
  single(out, "attune_ready", "gauge", "1 when events are applied.", health.ready ? 1 : 0);
}

}  // namespace

struct Metrics::Impl {
  mutable std::mutex mutex;
  std::map<std::pair<std::string, std::string>, Route> routes;  // by method and pattern
  std::map<std::string_view, std::int64_t> ignored;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::count(std::string_view method, std::string_view route, int status,
                    std::chrono::microseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const std::scoped_lock lock(impl_->mutex);
  Route& of = impl_->routes[{std::string(method), std::string(route)}];
  ++of.by_status[status];
  ++of.count;
  of.seconds += seconds;
  for (std::size_t i = 0; i < kSeconds.size(); ++i) of.within[i] += seconds <= kSeconds[i];
}

void Metrics::count_ignored(std::span<const std::string_view> names) {
  if (names.empty()) return;
  const std::scoped_lock lock(impl_->mutex);
  for (const std::string_view name : names) ++impl_->ignored[name];
}

std::string Metrics::text(const engine::Health& health) const {
  std::string out;
  out +=
      "# HELP attune_http_requests_total Requests answered.\n"
      "# TYPE attune_http_requests_total counter\n";
  const std::scoped_lock lock(impl_->mutex);
  for (const auto& [name, route] : impl_->routes) {
    for (const auto& [status, count] : route.by_status) {
      out +=
          fmt::format("attune_http_requests_total{{method=\"{}\",route=\"{}\",status=\"{}\"}} {}\n",
                      name.first, name.second, status, count);
    }
  }
  out +=
      "# HELP attune_http_request_seconds From the end of the request to the end of the answer.\n"
      "# TYPE attune_http_request_seconds histogram\n";
  for (const auto& [name, route] : impl_->routes) {
    const std::string labels = fmt::format("method=\"{}\",route=\"{}\"", name.first, name.second);
    for (std::size_t i = 0; i < kSeconds.size(); ++i) {
      out += fmt::format("attune_http_request_seconds_bucket{{{},le=\"{}\"}} {}\n", labels,
                         kSeconds[i], route.within[i]);
    }
    out += fmt::format(
        "attune_http_request_seconds_bucket{{{0},le=\"+Inf\"}} {1}\n"
        "attune_http_request_seconds_sum{{{0}}} {2}\nattune_http_request_seconds_count{{{0}}} "
        "{1}\n",
        labels, route.count, route.seconds);
  }
  out +=
      "# HELP attune_messages_ignored_total Messages whose standard name tells nothing that is "
      "kept.\n# TYPE attune_messages_ignored_total counter\n";
  for (const auto& [name, count] : impl_->ignored)
    out += fmt::format("attune_messages_ignored_total{{name=\"{}\"}} {}\n", name, count);
  shop_figures(out, health);
  return out;
}

}  // namespace attune::http
