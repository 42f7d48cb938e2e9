// How long work tells that it moves, and learns that it should stop. Answers: how far is it, and
// may I go on?
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace attune {

// Receives progress. Threads: calls may come from any thread, one at a time per job.
class Progress {
 public:
  virtual ~Progress() = default;

  // A new phase ("reading online_retail.csv") with `total` units of work; 0 when unknown.
  virtual void phase(std::string_view name, std::int64_t total, std::string_view unit) = 0;
  virtual void advance(std::int64_t done) = 0;  // units done since the phase began
  virtual bool cancelled() const { return false; }
};

// Says nothing and never cancels.
class NoProgress final : public Progress {
 public:
  void phase(std::string_view, std::int64_t, std::string_view) override {}
  void advance(std::int64_t) override {}
};

}  // namespace attune
