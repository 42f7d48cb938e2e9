#include "attune/simulate/shop_parameters.h"

#include <cstddef>

#include <fmt/format.h>

#include "attune/base/time.h"

namespace attune::simulate {

const ParameterTable<ShopParameters>& ShopParameters::table() {
  static const ParameterTable<ShopParameters> table = [] {
    using P = ShopParameters;
    ParameterTable<P> t;
    t.integer("customers", &P::customers, 1, 5e6, "",
              "people who order, or sign up without ordering")
        .integer("items", &P::items, kMinimumItems, 1e6, "",
                 "things on offer, in twelve categories")
        .integer("days", &P::days, 1, 3650, "days", "length of the window")
        .choice("language", &P::language, {"en", "zh"}, "of names, categories, searches, reviews")
        .integer("seed", &P::seed, 0, 9007199254740992.0, "", "the same seed makes the same shop")
        .integer("start_date", &P::start_date, 19700101, 21991231, "yyyymmdd", "first day")
        .real("purchase_shape", &P::purchase_shape, .05, 100, "",
              "shape of the Gamma that repeat rates are drawn from; small: few buy often")
        .real("purchase_scale_days", &P::purchase_scale_days, .1, 1e5, "days",
              "mean repeat rate = shape / scale")
        .real("dropout_a", &P::dropout_a, .01, 1e4, "", "of the Beta of leaving after an order")
        .real("dropout_b", &P::dropout_b, .01, 1e4, "", "of the Beta of leaving after an order")
        .real("browser_share", &P::browser_share, 0, 1, "", "customers who never order")
        .real("sessions_per_day", &P::sessions_per_day, 0, 20, "1/day",
              "visits of a customer that do not end in an order")
        .real("visitors_per_customer", &P::visitors_per_customer, 0, 100, "1/day",
              "anonymous sessions a day, for each customer")
        .real("taste_concentration", &P::taste_concentration, .05, 1e4, "",
              "of the Dirichlet over categories; small: one favourite")
        .real("taste_strength", &P::taste_strength, 0, 3, "",
              "how much style decides inside a category; 0: popularity alone")
        .real("popularity_exponent", &P::popularity_exponent, 0, 3, "", "of Zipf's law")
        .real("refund_share", &P::refund_share, 0, .8, "", "of purchased lines")
        .real("missing_share", &P::missing_share, 0, 1, "", "orders recorded without customer")
        .real("bot_share", &P::bot_share, 0, .9, "", "of the rows")
        .real("foreign_share", &P::foreign_share, 0, 1, "", "customers with a second currency")
        .real("duplicate_share", &P::duplicate_share, 0, .5, "", "rows written twice")
        .real("resent_share", &P::resent_share, 0, .5, "", "rows with an id sent again later")
        .integer("malformed_rows", &P::malformed_rows, 0, 1e6, "", "rows that cannot be read")
        .flag("gzip", &P::gzip, "write events.csv.gz");
    return t;
  }();
  return table;
}

Status validate(const ShopParameters& parameters) {
  const auto& table = ShopParameters::table();
  for (std::size_t i = 0; i < table.specs().size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(parse_parameter(table.specs()[i], table.get(parameters, i)));
  }
  const auto date = static_cast<int>(parameters.start_date);
  const CivilTime civil{.year = date / 10'000, .month = date / 100 % 100, .day = date % 100};
  if (!is_valid(civil)) {
    return std::unexpected(invalid_argument(fmt::format(
        "start_date is {}, which is no day of the calendar; write yyyymmdd, such as 20250609",
        date)));
  }
  return {};
}

}  // namespace attune::simulate
