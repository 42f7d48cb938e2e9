#include "attune/net/retry.h"

#include <algorithm>
#include <cmath>

#include "attune/base/hash.h"
#include "attune/base/random.h"
#include "attune/base/time.h"

namespace attune::net {

std::optional<std::int64_t> retry_delay(const RetryPolicy& policy, int failures, double chance) {
  if (failures < 1 || failures >= policy.attempts_max) return std::nullopt;
  // The power may overflow to infinity, which the minimum cuts.
  const double grown = policy.first_seconds * std::pow(policy.factor, failures - 1);
  const double wait = std::min(grown, policy.longest_seconds) * (1 - policy.jitter * chance);
  return std::llround(wait * static_cast<double>(kMicrosPerSecond));
}

std::optional<std::int64_t> retry_delay(const RetryPolicy& policy, int failures, std::uint64_t seed,
                                        std::string_view key) {
  Rng rng(seed, "retry", combine(hash64(key), static_cast<std::uint64_t>(failures)));
  return retry_delay(policy, failures, rng.uniform());
}

}  // namespace attune::net
