// Offers on a page. Answers: what does this visitor see here now, and why nothing else?
#pragma once

#include <string>
#include <vector>

#include "attune/decide/campaign_gates.h"

namespace attune::engine {

// Who is on which surface.
struct OfferRequest {
  static constexpr int kCountMax = 10;
  std::string customer = {};   // an id that the shop knows
  std::string anonymous = {};  // or that of a session or device which an event named before
  std::string surface = {};    // "home"; empty: campaigns that name none alone
  int count = 1;               // at most so many offers, 1 to kCountMax
};

struct Offer {
  std::string id;  // of the decision: to be named as offer_id in what the customer did with it
  std::string campaign;
  std::string treatment;
  std::string content;
  double probability = 0;  // of the treatment, held out or not
};

// A campaign that was asked and shows nothing.
struct NoOffer {
  std::string campaign;
  decide::StopReason reason = decide::StopReason::none;
  std::string note;
};

// Invariant: what is offered is on disk as decision, contact and spending before it is answered.
struct OfferAnswer {
  bool known = false;         // somebody whom an event named
  std::vector<Offer> offers;  // the campaign that was made first comes first
  std::vector<NoOffer> not_offered;
};

std::string to_json(const OfferAnswer& answer);

}  // namespace attune::engine
