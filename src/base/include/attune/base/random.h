// Random numbers that do not depend on thread count, call order or platform. Answers: what would
// chance have done, and would it do the same again?
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace attune {

// A stream keyed by (seed, purpose, entity): two streams with different keys are independent, the
// same key gives the same numbers everywhere. Generator: xoshiro256++ (Blackman & Vigna 2021),
// seeded through splitmix64. Threads: one thread at a time; give each entity a stream of its own.
class Rng {
 public:
  explicit Rng(std::uint64_t seed, std::string_view purpose = {}, std::uint64_t entity = 0);

  std::uint64_t next();

  // Uniform in [0, 1), 53 bits.
  double uniform();
  // Uniform in 0 .. bound-1, without bias. `bound` >= 1.
  std::uint64_t below(std::uint64_t bound);
  bool chance(double probability) { return uniform() < probability; }

  double normal();                           // mean 0, deviation 1
  double exponential(double rate);           // rate > 0; mean 1 / rate
  double gamma(double shape, double scale);  // shape, scale > 0 (Marsaglia & Tsang 2000)
  double beta(double a, double b);           // a, b > 0
  std::int64_t poisson(double mean);         // mean >= 0
  // Index drawn with probability weights[i] / sum; weights >= 0 with a positive sum.
  std::size_t categorical(std::span<const double> weights);

  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace attune
