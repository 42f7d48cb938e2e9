#include "attune/simulate/response.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/base/text.h"
#include "season.h"

namespace attune::simulate {

std::string_view name(ResponseType type) {
  static constexpr std::string_view kNames[] = {"persuadable", "sure_thing", "lost_cause",
                                                "do_not_disturb"};
  return kNames[static_cast<std::size_t>(type)];
}

const ParameterTable<ResponseParameters>& ResponseParameters::table() {
  static const ParameterTable<ResponseParameters> table = [] {
    using P = ResponseParameters;
    ParameterTable<P> t;
    t.real("persuadable_share", &P::persuadable_share, 0, 1, "",
           "of buyers: a message can make them order")
        .real("do_not_disturb_share", &P::do_not_disturb_share, 0, 1, "",
              "of buyers: a message makes them order later")
        .real("delay_days", &P::delay_days, .01, 1e3, "days",
              "from a message to the order that it made, on average")
        .real("put_off_days", &P::put_off_days, 0, 1e4, "days",
              "how much later a do-not-disturb orders, for each message")
        .real("consent_share", &P::consent_share, 0, 1, "", "of those who sign up")
        .real("patience", &P::patience, 1, 1e3, "messages",
              "that a customer bears within patience_days, on average")
        .real("patience_days", &P::patience_days, 1, 1e3, "days", "for which messages pester")
        .real("withdraws", &P::withdraws, 0, 1, "",
              "chance to withdraw consent at each message beyond patience");
    return t;
  }();
  return table;
}

Status validate(const ResponseParameters& parameters) {
  const auto& table = ResponseParameters::table();
  for (std::size_t i = 0; i < table.specs().size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(parse_parameter(table.specs()[i], table.get(parameters, i)));
  }
  for (std::size_t i = 0; i < parameters.treatments.size(); ++i) {
    const TreatmentEffect& one = parameters.treatments[i];
    if (!(one.persuades >= 0 && one.persuades <= 1)) {
      return std::unexpected(invalid_argument(fmt::format(
          "treatment '{}' persuades with {}; it is a chance, 0 to 1", one.name, one.persuades)));
    }
    const auto again = std::ranges::count(parameters.treatments, one.name, &TreatmentEffect::name);
    if (one.name.empty() || again > 1) {
      return std::unexpected(invalid_argument(
          fmt::format("treatment {} is called '{}'; give each a name of its own", i, one.name)));
    }
  }
  return {};
}

Result<std::size_t> find_treatment(const ResponseParameters& parameters, std::string_view name) {
  const auto found = std::ranges::find(parameters.treatments, name, &TreatmentEffect::name);
  if (found != parameters.treatments.end())
    return static_cast<std::size_t>(found - parameters.treatments.begin());
  std::vector<std::string> names;
  for (const TreatmentEffect& one : parameters.treatments) names.push_back(one.name);
  return std::unexpected(not_found(fmt::format("the simulated customers know no treatment '{}'{}",
                                               attune::quoted(name), did_you_mean(name, names))));
}

ResponseTraits make_response(const ShopParameters& shop, const ResponseParameters& parameters,
                             std::int64_t index, const CustomerTraits& traits) {
  Rng random(shop.seed, "response traits", static_cast<std::uint64_t>(index));
  ResponseTraits response;
  response.consents = random.chance(parameters.consent_share);
  response.patience = 1 + static_cast<int>(random.poisson(parameters.patience - 1));
  const double drawn = random.uniform();
  if (!traits.buys) return response;
  const double usual_rate = shop.purchase_shape / shop.purchase_scale_days;
  const double minds_prices =
      static_cast<double>(traits.tastes.price_sensitivity) / kUsualPriceSensitivity;
  if (drawn < parameters.do_not_disturb_share) {
    response.type = ResponseType::do_not_disturb;
    response.patience = 0;
  } else if (drawn < parameters.do_not_disturb_share +
                         parameters.persuadable_share * (.5 + .5 * minds_prices)) {
    response.type = ResponseType::persuadable;
  } else if (traits.purchase_rate >= usual_rate) {
    response.type = ResponseType::sure_thing;
  }
  return response;
}

}  // namespace attune::simulate
