#include "attune/simulate/taste.h"

#include <algorithm>

namespace attune::simulate {

double affinity(const Tastes& tastes, const Style& item_style, double log_price_ratio) {
  double liking = 0;
  for (std::size_t k = 0; k < kStyleCount; ++k) {
    liking += static_cast<double>(tastes.style[k]) * static_cast<double>(item_style[k]);
  }
  return std::min(kAffinityMax,
                  liking - static_cast<double>(tastes.price_sensitivity) * log_price_ratio);
}

}  // namespace attune::simulate
