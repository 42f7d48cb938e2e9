// How much each kind of behaviour says about taste, and what counts as the customer being there.
// Answers: what is a purchase worth beside a view, and does a sent message mean that somebody was
// seen?
#pragma once

#include <array>
#include <cstdint>

#include "attune/base/parameters.h"
#include "attune/base/time.h"
#include "attune/events/event.h"

namespace attune::profiles {

// Interest of one event = weight of its type * 2^(-age / half life). All weights are non-negative,
// so sums lose no digits whatever the order of folding. Changing any of them asks for profiles to
// be rebuilt (ProfileStore notices).
struct BehaviourWeights {
  double half_life_days = 30;
  double list_view = 0.2;
  double search = 0.5;
  double view = 1;
  double click = 1;
  double like = 2;
  double wishlist = 2;
  double follow = 2;
  double comment = 2;
  double rating = 2;
  double share = 3;
  double review = 3;
  double cart_add = 3;
  double checkout = 3;
  double purchase = 5;

  static const ParameterTable<BehaviourWeights>& table();
  friend bool operator==(const BehaviourWeights&, const BehaviourWeights&) = default;
};

// The weights, ready for folding. Threads: immutable.
class FoldRules {
 public:
  explicit FoldRules(const BehaviourWeights& weights = {});

  double weight(events::EventType type) const { return weights_[static_cast<std::size_t>(type)]; }
  std::int64_t half_life_micros() const { return half_life_micros_; }
  // The same for the same weights, on every machine, as long as states hold the same: kept beside
  // stored profiles.
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  std::array<double, events::kEventTypeCount> weights_{};
  std::int64_t half_life_micros_ = 0;
  std::uint64_t fingerprint_ = 0;
};

// True for what a customer does (view, search, purchase, refund, post, message_opened …); false for
// what is done to or about them (impression, message_sent, message_delivered, message_bounced,
// coupon_issued, coupon_expired, points_earned, risk_flag, decision, assignment, item_changed,
// customer_changed, identify, alias).
bool is_activity(events::EventType type);

// True for what engages with content: like, comment, share, follow, rating, review.
bool is_engagement(events::EventType type);

}  // namespace attune::profiles
