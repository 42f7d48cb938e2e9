// When to try again. Answers: how long to wait after the n-th failure, and when to give up?
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace attune::net {

// Waits grow by `factor` from `first_seconds` to `longest_seconds`; each is shortened by a random
// part of at most `jitter`, so that those who failed together do not come back together.
struct RetryPolicy {
  int attempts_max = 8;            // tries in all, >= 1
  double first_seconds = 30;       // > 0
  double factor = 3;               // >= 1
  double longest_seconds = 21600;  // >= first_seconds
  double jitter = 0.5;             // share of the wait, 0 to 1
};

// Microseconds to wait after the `failures`-th failure (1, 2, …); absent when no try is left. A
// peer's own wish (Retry-After) is kept by taking the longer of the two.
// `chance`: uniform in [0, 1).
std::optional<std::int64_t> retry_delay(const RetryPolicy& policy, int failures, double chance);

// The same with the chance drawn for (seed, key, failures): a restart draws the same.
std::optional<std::int64_t> retry_delay(const RetryPolicy& policy, int failures, std::uint64_t seed,
                                        std::string_view key);

}  // namespace attune::net
