// What a campaign truly changes: the same world lived again, with and without it. Answers: what
// would everybody have done if all had got this treatment, and if nobody had got any?
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/simulate/response.h"
#include "attune/simulate/shop_parameters.h"

namespace attune::simulate {

// A Delivery that owns its texts.
struct PastDelivery {
  std::string customer;
  std::string treatment;
  std::string channel;
  Timestamp time;
  Delivery view() const { return {customer, treatment, channel, time}; }
};

struct AssignedCustomer {
  std::string customer;
  Timestamp time;
};

// A campaign that sends everybody who was assigned and not held out one message, at the moment of
// the assignment.
struct CampaignInWorld {
  ShopParameters shop;
  ResponseParameters responses;
  std::vector<AssignedCustomer> assigned;  // held out or not
  std::vector<PastDelivery> others;        // what else was delivered: the same in every life
  std::string channel = "email";
  int outcome_days = 14;  // orders count that follow the assignment by at most so many days
};

// One customer's orders in the window, whether their records name the customer or not.
struct Outcome {
  std::int64_t orders = 0;
  std::int64_t revenue_minor = 0;  // paid in the shop's currency, refunds not taken off
};

// Lives the whole world with everybody assigned getting `treatment`; empty: nobody gets any.
// Result: as `assigned`. Errors: those of World. Cost: that of the world without visitors and bots.
Result<std::vector<Outcome>> live_with(const CampaignInWorld& campaign, std::string_view treatment);

// Means over customers, with the treatment minus without.
struct EffectOnType {
  std::int64_t customers = 0;
  double conversion = 0;
  double orders = 0;
  double revenue_minor = 0;
};

// Invariant: the overall effect is the mean of those by type, weighted by customers.
struct TrueEffect {
  std::string treatment;
  EffectOnType overall;
  std::array<EffectOnType, kResponseTypeCount> by_type;
};

// The effect of each treatment on the customers who were assigned, each against nobody getting any.
Result<std::vector<TrueEffect>> true_effects(const CampaignInWorld& campaign,
                                             std::span<const std::string> treatments);

}  // namespace attune::simulate
