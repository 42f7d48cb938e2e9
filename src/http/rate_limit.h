// How often one key may ask. Answers: now, or in how many seconds?
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

namespace attune::http {

// A bucket for each key, which fills at `per_second` and holds a second's worth, or one request
// where that is less. Threads: any.
class RateLimit {
 public:
  explicit RateLimit(double per_second)
      : per_second_(per_second), most_(std::max(1., per_second)) {}

  // 0: go on; else the seconds to wait, at least 1.
  int seconds_to_wait(const std::string& key) {
    if (per_second_ <= 0) return 0;
    const auto now = std::chrono::steady_clock::now();
    const std::scoped_lock lock(mutex_);
    if (buckets_.size() > kBucketsMax) buckets_.clear();
    auto [at, fresh] = buckets_.try_emplace(key, Bucket{most_, now});
    Bucket& bucket = at->second;
    const double passed = std::chrono::duration<double>(now - bucket.seen).count();
    bucket.left = std::min(most_, bucket.left + passed * per_second_);
    bucket.seen = now;
    if (bucket.left >= 1) {
      bucket.left -= 1;
      return 0;
    }
    return 1 + static_cast<int>((1 - bucket.left) / per_second_);
  }

 private:
  static constexpr std::size_t kBucketsMax = 100'000;
  struct Bucket {
    double left;
    std::chrono::steady_clock::time_point seen;
  };
  double per_second_;
  double most_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace attune::http
