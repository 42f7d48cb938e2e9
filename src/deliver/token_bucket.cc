#include "attune/deliver/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace attune::deliver {
namespace {
constexpr auto kSecond = static_cast<double>(kMicrosPerSecond);
constexpr double kAlmost = 1 - 1e-9;  // sums of parts of tokens fall a little short
}  // namespace

void TokenBucket::fill(Timestamp now) {
  if (now <= filled_) return;
  if (filled_ != Timestamp{}) {
    const double seconds = static_cast<double>(now.micros - filled_.micros) / kSecond;
    tokens_ = std::min(rate_.burst, tokens_ + seconds * rate_.per_second);
  }
  filled_ = now;
}

bool TokenBucket::take(Timestamp now) {
  if (rate_.per_second <= 0) return true;
  fill(now);
  if (tokens_ < kAlmost) return false;
  tokens_ -= 1;
  return true;
}

Timestamp TokenBucket::ready_at(Timestamp now) {
  if (rate_.per_second <= 0) return now;
  fill(now);
  if (tokens_ >= kAlmost) return now;
  const double seconds = (1 - tokens_) / rate_.per_second;
  return {std::max(now, filled_).micros + static_cast<std::int64_t>(std::ceil(seconds * kSecond))};
}

}  // namespace attune::deliver
