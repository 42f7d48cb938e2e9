#include "season.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace attune::simulate {
namespace {

double wave(int day_of_year, int peak) {
  return std::cos(2 * std::numbers::pi * (day_of_year - peak) / 365.25);
}

int day_of_year(const CivilTime& civil) {
  return static_cast<int>(days_from_civil(civil.year, civil.month, civil.day) -
                          days_from_civil(civil.year, 1, 1)) +
         1;
}

// 0 is Monday; 1970-01-01 was a Thursday.
int weekday(std::int64_t days) { return static_cast<int>(((days + 3) % 7 + 7) % 7); }

bool is_on(const CampaignDay& campaign, const CivilTime& civil) {
  if (campaign.day > 0) return civil.month == campaign.month && civil.day == campaign.day;
  const std::int64_t november = days_from_civil(civil.year, 11, 1);
  const std::int64_t thanksgiving = november + (3 - weekday(november) + 7) % 7 + 21;
  const std::int64_t meant = thanksgiving + (campaign.day == 0 ? 1 : 4);
  return days_from_civil(civil.year, civil.month, civil.day) == meant;
}

}  // namespace

Result<Season> Season::create(const ShopParameters& parameters, const Words& words) {
  auto zone = TimeZone::find(words.zone);
  if (!zone) return std::unexpected(internal_error(zone.error().message));
  Season season(std::move(*zone));
  const auto date = static_cast<int>(parameters.start_date);
  season.first_day_ = days_from_civil(date / 10'000, date / 100 % 100, date % 100);
  season.purchases_ = season.sensitive_ = season.visits_ = {0};
  for (std::int64_t day = 0; day <= parameters.days; ++day) {
    const CivilTime civil = season.civil(day);
    season.starts_.push_back(season.zone_.from_civil(civil));
    double lift = 0;
    int discount = 0;
    for (const CampaignDay& campaign : words.campaigns) {
      if (!is_on(campaign, civil)) continue;
      lift = std::max(lift, campaign.lift);
      discount = std::max(discount, campaign.discount_percent);
    }
    season.discounts_.push_back(discount);
    if (day == parameters.days) break;
    const double usual =
        words.weekdays[static_cast<std::size_t>(weekday(season.first_day_ + day))] *
        (1 + .12 * wave(day_of_year(civil), 340));
    season.purchases_.push_back(season.purchases_.back() + usual * (1 + .4 * lift));
    season.sensitive_.push_back(season.sensitive_.back() + usual * lift);
    season.visits_.push_back(season.visits_.back() + usual * (1 + lift / 3));
  }
  const auto days = static_cast<double>(parameters.days);
  const double busy =
      (season.purchases_.back() + kUsualPriceSensitivity * season.sensitive_.back()) / days;
  const double visited = season.visits_.back() / days;
  for (double& reading : season.purchases_) reading /= busy;
  for (double& reading : season.sensitive_) reading /= busy;
  for (double& reading : season.visits_) reading /= visited;
  return season;
}

double Season::purchase_clock(std::int64_t day, double price_sensitivity) const {
  return purchases_[index(day)] + price_sensitivity * sensitive_[index(day)];
}

double Season::category(int category, std::int64_t day) const {
  const CategoryFacts& facts = kCategories[static_cast<std::size_t>(category)];
  return 1 + facts.season_amplitude * wave(day_of_year(civil(day)), facts.season_peak_day);
}

std::int64_t Season::day_of(Timestamp time) const {
  const auto after = std::ranges::upper_bound(starts_, time);
  return std::max<std::int64_t>(0, after - starts_.begin() - 1);
}

CivilTime Season::civil(std::int64_t day) const {
  return civil_from_utc({(first_day_ + day) * kMicrosPerDay});
}

}  // namespace attune::simulate
