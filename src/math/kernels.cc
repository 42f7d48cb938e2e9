#include "attune/math/kernels.h"

#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels.cc"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attune::math {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::ScalableTag<float>;
using Vector = hn::Vec<Lanes>;

// Four accumulators hide the latency of the fused multiply-add.
template <class Step, class Scalar>
HWY_INLINE float reduce(std::size_t n, const Step& step, const Scalar& scalar) {
  const Lanes lanes;
  const std::size_t width = hn::Lanes(lanes);
  Vector s0 = hn::Zero(lanes), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 4 * width <= n; i += 4 * width) {
    s0 = step(i, s0);
    s1 = step(i + width, s1);
    s2 = step(i + 2 * width, s2);
    s3 = step(i + 3 * width, s3);
  }
  for (; i + width <= n; i += width) s0 = step(i, s0);
  float sum = hn::GetLane(hn::SumOfLanes(lanes, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; i < n; ++i) sum += scalar(i);
  return sum;
}

float dot_kernel(const float* a, const float* b, std::size_t n) {
  const Lanes lanes;
  return reduce(
      n,
      [&](std::size_t i, Vector s)
          HWY_ATTR { return hn::MulAdd(hn::LoadU(lanes, a + i), hn::LoadU(lanes, b + i), s); },
      [&](std::size_t i) HWY_ATTR { return a[i] * b[i]; });
}

float squared_distance_kernel(const float* a, const float* b, std::size_t n) {
  const Lanes lanes;
  return reduce(
      n,
      [&](std::size_t i, Vector s) HWY_ATTR {
        const Vector d = hn::Sub(hn::LoadU(lanes, a + i), hn::LoadU(lanes, b + i));
        return hn::MulAdd(d, d, s);
      },
      [&](std::size_t i) HWY_ATTR { return (a[i] - b[i]) * (a[i] - b[i]); });
}

void axpy_kernel(float scale, const float* x, float* y, std::size_t n) {
  const Lanes lanes;
  const std::size_t width = hn::Lanes(lanes);
  const Vector s = hn::Set(lanes, scale);
  std::size_t i = 0;
  for (; i + width <= n; i += width) {
    hn::StoreU(hn::MulAdd(s, hn::LoadU(lanes, x + i), hn::LoadU(lanes, y + i)), lanes, y + i);
  }
  for (; i < n; ++i) y[i] += scale * x[i];
}

void dot_rows_kernel(const float* rows, const float* x, std::size_t n, float* out,
                     std::size_t count) {
  for (std::size_t r = 0; r < count; ++r) out[r] = dot_kernel(rows + r * n, x, n);
}

std::size_t take_above_kernel(float* sums, const float* lengths, std::size_t n, float scale,
                              float shrink, float least, std::int32_t* places, float* found) {
  const Lanes lanes;
  const std::size_t width = hn::Lanes(lanes);
  const Vector factor = hn::Set(lanes, scale), more = hn::Set(lanes, shrink),
               bound = hn::Set(lanes, least);
  std::size_t count = 0;
  const auto take = [&](std::size_t i) {
    places[count] = static_cast<std::int32_t>(i);
    found[count] = sums[i];
    count += sums[i] > least * (scale * lengths[i] + shrink) ? 1 : 0;
    sums[i] = 0;
  };
  std::size_t i = 0;
  for (; i + width <= n; i += width) {
    const Vector sum = hn::LoadU(lanes, sums + i);
    const Vector wanted =
        hn::Mul(bound, hn::Add(hn::Mul(factor, hn::LoadU(lanes, lengths + i)), more));
    if (hn::AllFalse(lanes, hn::Gt(sum, wanted))) {
      hn::StoreU(hn::Zero(lanes), lanes, sums + i);
      continue;
    }
    for (std::size_t j = i; j < i + width; ++j) take(j);
  }
  for (; i < n; ++i) take(i);
  return count;
}

const char* target_kernel() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace attune::math
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::math {

HWY_EXPORT(dot_kernel);
HWY_EXPORT(squared_distance_kernel);
HWY_EXPORT(axpy_kernel);
HWY_EXPORT(dot_rows_kernel);
HWY_EXPORT(target_kernel);
HWY_EXPORT(take_above_kernel);

float dot(std::span<const float> a, std::span<const float> b) {
  return HWY_DYNAMIC_DISPATCH(dot_kernel)(a.data(), b.data(), a.size());
}

float squared_distance(std::span<const float> a, std::span<const float> b) {
  return HWY_DYNAMIC_DISPATCH(squared_distance_kernel)(a.data(), b.data(), a.size());
}

void axpy(float scale, std::span<const float> x, std::span<float> y) {
  HWY_DYNAMIC_DISPATCH(axpy_kernel)(scale, x.data(), y.data(), x.size());
}

void dot_rows(std::span<const float> rows, std::span<const float> x, std::span<float> out) {
  HWY_DYNAMIC_DISPATCH(dot_rows_kernel)(rows.data(), x.data(), x.size(), out.data(), out.size());
}

std::size_t take_above(std::span<float> sums, std::span<const float> lengths, float scale,
                       float shrink, float least, std::span<std::int32_t> places,
                       std::span<float> found) {
  return HWY_DYNAMIC_DISPATCH(take_above_kernel)(sums.data(), lengths.data(), sums.size(), scale,
                                                 shrink, least, places.data(), found.data());
}

const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(target_kernel)(); }

namespace {

std::vector<std::int64_t> targets() {
  static const std::vector<std::int64_t> all = [] {
    std::vector<std::int64_t> found;
    for (std::int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest != 0; rest &= rest - 1)
      found.push_back(rest & -rest);
    return found;
  }();
  return all;
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const std::int64_t target : targets()) names.emplace_back(hwy::TargetName(target));
  return names;
}

bool use_instruction_set(std::string_view name) {
  for (const std::int64_t target : targets()) {
    if (name != hwy::TargetName(target)) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    return true;
  }
  return false;
}

}  // namespace attune::math
#endif
