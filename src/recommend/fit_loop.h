// Loops of a fit. Answers: how does long work over rows show progress and stop when asked?
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>

#include "attune/base/error.h"
#include "attune/math/parallel.h"
#include "attune/recommend/recommender.h"

namespace attune::recommend {

// Errors: cancelled.
inline Status check_cancelled(const Progress* progress) {
  if (progress && progress->cancelled()) {
    return std::unexpected(cancelled("the fit was stopped; the model is not fitted"));
  }
  return {};
}

// math::parallel_for in sections, with progress and a look at `cancelled` between them.
inline Status for_rows(
    std::string_view phase, std::int64_t count, std::int64_t grain, const FitOptions& options,
    const std::function<void(std::int64_t begin, std::int64_t end, int slot)>& body) {
  constexpr std::int64_t kSections = 64;
  if (options.progress) options.progress->phase(phase, count, "rows");
  const std::int64_t section = std::max(grain, (count / kSections + grain - 1) / grain * grain);
  for (std::int64_t first = 0; first < count; first += section) {
    ATTUNE_RETURN_IF_ERROR(check_cancelled(options.progress));
    const std::int64_t last = std::min(count, first + section);
    math::parallel_for(last - first, grain, options.threads,
                       [&](std::int64_t begin, std::int64_t end, int slot) {
                         body(first + begin, first + end, slot);
                       });
    if (options.progress) options.progress->advance(last);
  }
  return {};
}

}  // namespace attune::recommend
