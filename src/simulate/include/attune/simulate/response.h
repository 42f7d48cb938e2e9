// How the customers of a simulated shop answer what is sent to them. Answers: whom does a message
// move, to what, and who has had enough of messages?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/parameters.h"
#include "attune/base/time.h"
#include "attune/simulate/customer.h"
#include "attune/simulate/shop_parameters.h"

namespace attune::simulate {

// What a message does to a customer's orders.
enum class ResponseType : std::uint8_t {
  persuadable,     // orders now and then because of a message, and comes back even after leaving
  sure_thing,      // orders often, whatever is sent
  lost_cause,      // orders seldom or never, whatever is sent
  do_not_disturb,  // orders later because of a message
};
inline constexpr int kResponseTypeCount = 4;
std::string_view name(ResponseType type);

struct TreatmentEffect {
  std::string name;
  double persuades = 0;  // chance that a message makes a persuadable order, 0 to 1
};

struct ResponseParameters {
  std::vector<TreatmentEffect> treatments = {
      {"newsletter", .02}, {"reminder", .25}, {"voucher", .5}};
  double persuadable_share = .3;      // of an average customer who buys; more where prices matter
  double do_not_disturb_share = .08;  // of customers who buy
  double delay_days = 3;      // from the day after a message to the order that it made, on average
  double put_off_days = 15;   // how much later a do-not-disturb orders, after each message
  double consent_share = .7;  // of those who sign up: allow messages by e-mail
  double patience = 5;        // messages within patience_days that a customer bears, on average
  double patience_days = 14;
  double withdraws = .25;  // chance to withdraw consent at each message beyond that

  static const ParameterTable<ResponseParameters>& table();
};

// Errors: invalid_argument naming the parameter or treatment, its value and what it may be.
Status validate(const ResponseParameters& parameters);
// Index into `treatments`. Errors: not_found naming the nearest.
Result<std::size_t> find_treatment(const ResponseParameters& parameters, std::string_view name);

// What never changes about how a customer answers.
struct ResponseTraits {
  ResponseType type = ResponseType::lost_cause;
  bool consents = false;  // to e-mail, with the sign-up
  int patience = 0;       // messages within patience_days; more of them are a pest
};
// Pure function of its arguments.
ResponseTraits make_response(const ShopParameters& shop, const ResponseParameters& parameters,
                             std::int64_t index, const CustomerTraits& traits);

// A message that reached a customer, as whoever sent it says. Views hold during the call.
struct Delivery {
  std::string_view customer;   // the shop's id of them
  std::string_view treatment;  // one of ResponseParameters::treatments
  std::string_view channel;  // whose consent a pestered customer withdraws: "email", "sms", "push";
                             // any other stands for "email"
  Timestamp time;
};

}  // namespace attune::simulate
