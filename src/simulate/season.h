// The shop's calendar: weeks, the year, campaign days. Answers: how busy is a day, what is wanted
// on it, at what discount?
#pragma once

#include <cstdint>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/simulate/taste.h"
#include "words.h"

namespace attune::simulate {

// Threads: immutable, safe to share.
class Season {
 public:
  // Errors: internal if the tz database lacks the shop's zone.
  static Result<Season> create(const ShopParameters& parameters, const Words& words);

  // Clocks that advance by one on an average day; 0 <= day <= days.
  // A campaign of lift L makes its day (1 + L (0.4 + price sensitivity)) times as busy with buyers
  // and (1 + L / 3) times with visitors.
  double purchase_clock(std::int64_t day, double price_sensitivity) const;
  double visit_clock(std::int64_t day) const { return visits_[index(day)]; }

  double category(int category, std::int64_t day) const;
  int discount_percent(std::int64_t day) const { return discounts_[index(day)]; }
  Timestamp day_start(std::int64_t day) const { return starts_[index(day)]; }
  // The day that holds `time`; 0 before the window and `days` after it.
  std::int64_t day_of(Timestamp time) const;
  CivilTime civil(std::int64_t day) const;
  const TimeZone& zone() const { return zone_; }

 private:
  explicit Season(TimeZone zone) : zone_(std::move(zone)) {}
  static std::size_t index(std::int64_t day) { return static_cast<std::size_t>(day); }
  std::vector<double> purchases_;  // (days + 1), at price sensitivity 0
  std::vector<double> sensitive_;  // what a sensitivity of 1 adds
  std::vector<double> visits_;
  std::vector<int> discounts_;
  std::vector<Timestamp> starts_;
  std::int64_t first_day_ = 0;  // since 1970-01-01
  TimeZone zone_;
};

// The usual price sensitivity: the clocks are scaled by it.
inline constexpr double kUsualPriceSensitivity = 0.6;

}  // namespace attune::simulate
