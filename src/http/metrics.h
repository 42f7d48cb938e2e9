// What the service counts about itself. Answers: how many, how fast, how full?
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "attune/engine/service.h"

namespace attune::http {

// Requests by route and status, with a histogram of seconds by route; and what the engine tells of
// itself. Threads: any.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  void count(std::string_view method, std::string_view route, int status,
             std::chrono::microseconds took);
  // Messages whose names tell nothing that Attune keeps; the names outlive the object.
  void count_ignored(std::span<const std::string_view> names);
  // Prometheus text, exposition format 0.0.4.
  std::string text(const engine::Health& health) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::http
