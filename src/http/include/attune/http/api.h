// The service's doors. Answers: who may ask what, in which words?
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attune/base/settable_clock.h"
#include "attune/engine/service.h"
#include "attune/http/message.h"
#include "attune/http/router.h"

namespace attune::http {

struct ApiOptions {
  std::string version = "0";        // of the program, for the OpenAPI document
  double requests_per_second = 0;   // of one key, with bursts of a second's worth; 0: no limit
  int workers = 2;                  // threads for answers that read stores
  std::size_t waiting_max = 1'000;  // such requests that wait; more get 503
  // Runs a command line of another process of this machine: JSON in, JSON out. Reached over the
  // folder's socket alone, on a worker's thread; empty: there is no such door.
  std::function<std::string(const std::string&)> command;
  // What the service goes by, where it may be moved by POST /v1/clock; null: the system's clock.
  SettableClock* clock = nullptr;
  // One line for each request answered, as JSON, and for defects; empty: none.
  std::function<void(const std::string&)> log;
};

// Doors: Segment-shaped intake under /v1 (and Dittofeed's paths), recommendations, decisions,
// items, customers, profiles, segments, models, jobs, keys, refused messages, health, metrics and
// the OpenAPI document. Every request but health, and the document, needs a key whose scope opens
// the door; requests over the folder's socket need none. Lifetime: `service` outlives it, it
// outlives the server. Threads: every member from any.
class Api {
 public:
  Api(engine::Service& service, const ApiOptions& options);
  ~Api();

  Handler handler();
  // For ServerOptions: headers for browsers and traces; metrics and the log.
  void decorate(const Request& request, Response& response) const;
  void observe(const Request& request, const Response& response, std::chrono::microseconds took);

  std::string openapi() const;  // OpenAPI 3.1, JSON

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::http
