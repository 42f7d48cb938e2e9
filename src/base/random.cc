#include "attune/base/random.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

#include "attune/base/error.h"
#include "attune/base/hash.h"

namespace attune {
namespace {

std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t x = (state += 0x9E3779B97F4A7C15ull);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

}  // namespace

Rng::Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t entity) : state_{} {
  std::uint64_t key = combine(combine(seed, hash64(purpose)), entity);
  for (std::uint64_t& word : state_) word = splitmix(key);
}

std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t Rng::below(std::uint64_t bound) {
  ATTUNE_CHECK(bound > 0, "below(0) asks for a number from an empty range");
  // Lemire's multiply-shift with rejection: unbiased.
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(next()) * bound;
  auto low = static_cast<std::uint64_t>(product);
  if (low < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (low < threshold) {
      product = static_cast<Wide>(next()) * bound;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Rng::normal() {
  // Marsaglia's polar method; the second variate is not kept, so that the state is the generator's
  // alone.
  while (true) {
    const double u = 2 * uniform() - 1;
    const double v = 2 * uniform() - 1;
    const double s = u * u + v * v;
    if (s > 0 && s < 1) return u * std::sqrt(-2 * std::log(s) / s);
  }
}

double Rng::exponential(double rate) { return -std::log1p(-uniform()) / rate; }

double Rng::gamma(double shape, double scale) {
  if (shape < 1) return gamma(shape + 1, scale) * std::pow(1 - uniform(), 1 / shape);
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log1p(-uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v * scale;
  }
}

double Rng::beta(double a, double b) {
  const double x = gamma(a, 1);
  const double y = gamma(b, 1);
  return x + y > 0 ? x / (x + y) : 0.5;
}

std::int64_t Rng::poisson(double mean) {
  // Sums of Poisson variates are Poisson: pieces of at most 30 keep the product of uniforms away
  // from underflow.
  std::int64_t count = 0;
  for (double left = mean; left > 0; left -= 30) {
    const double limit = std::exp(-std::min(left, 30.0));
    for (double product = uniform(); product > limit; product *= uniform()) ++count;
  }
  return count;
}

std::size_t Rng::categorical(std::span<const double> weights) {
  ATTUNE_CHECK(!weights.empty(), "a draw from no categories");
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double left = uniform() * total;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return weights.size() - 1;
}

}  // namespace attune
