#include "attune/profiles/behaviour.h"

#include <bit>
#include <cmath>

#include "attune/base/hash.h"

namespace attune::profiles {

using events::EventType;

namespace {
// Raised when a state begins to hold more than before, so that stored profiles are folded anew.
// 2: refunded orders.
constexpr std::uint64_t kStateVersion = 2;
}  // namespace

const ParameterTable<BehaviourWeights>& BehaviourWeights::table() {
  using W = BehaviourWeights;
  static const ParameterTable<W> kTable = [] {
    ParameterTable<W> table;
    table.real("half_life_days", &W::half_life_days, 0.01, 36500, "days",
               "time after which an event counts half as much for interest");
    const auto weight = [&](const char* name, double W::* member, const char* what) {
      table.real(name, member, 0, 1000, "", std::string("interest that one ") + what + " shows");
    };
    weight("list_view", &W::list_view, "look at a list that holds the item");
    weight("search", &W::search, "search");
    weight("view", &W::view, "look at an item");
    weight("click", &W::click, "click on a recommendation or message");
    weight("like", &W::like, "like");
    weight("wishlist", &W::wishlist, "addition to a wish list");
    weight("follow", &W::follow, "follow");
    weight("comment", &W::comment, "comment");
    weight("rating", &W::rating, "rating, whatever its height");
    weight("share", &W::share, "share");
    weight("review", &W::review, "review");
    weight("cart_add", &W::cart_add, "addition to the cart");
    weight("checkout", &W::checkout, "start of a checkout");
    weight("purchase", &W::purchase, "purchase line");
    return table;
  }();
  return kTable;
}

FoldRules::FoldRules(const BehaviourWeights& w) {
  const auto set = [&](EventType type, double weight) {
    weights_[static_cast<std::size_t>(type)] = std::isfinite(weight) && weight > 0 ? weight : 0;
  };
  set(EventType::list_view, w.list_view);
  set(EventType::search, w.search);
  set(EventType::view, w.view);
  set(EventType::click, w.click);
  set(EventType::like, w.like);
  set(EventType::wishlist, w.wishlist);
  set(EventType::follow, w.follow);
  set(EventType::comment, w.comment);
  set(EventType::rating, w.rating);
  set(EventType::share, w.share);
  set(EventType::review, w.review);
  set(EventType::cart_add, w.cart_add);
  set(EventType::checkout, w.checkout);
  set(EventType::purchase, w.purchase);
  const double days = std::isfinite(w.half_life_days) ? w.half_life_days : 30;
  half_life_micros_ = static_cast<std::int64_t>(
      std::llround(std::min(std::max(days, 0.01), 36500.0) * static_cast<double>(kMicrosPerDay)));
  fingerprint_ = combine(kStateVersion, static_cast<std::uint64_t>(half_life_micros_));
  for (const double weight : weights_) {
    fingerprint_ = combine(fingerprint_, std::bit_cast<std::uint64_t>(weight));
  }
}

bool is_activity(EventType type) {
  switch (type) {
    case EventType::identify:
    case EventType::impression:
    case EventType::message_sent:
    case EventType::message_delivered:
    case EventType::message_bounced:
    case EventType::coupon_issued:
    case EventType::coupon_expired:
    case EventType::points_earned:
    case EventType::risk_flag:
    case EventType::decision:
    case EventType::assignment:
    case EventType::item_changed:
    case EventType::customer_changed:
    case EventType::alias:
      return false;
    default:
      return true;
  }
}

bool is_engagement(EventType type) {
  switch (type) {
    case EventType::like:
    case EventType::comment:
    case EventType::share:
    case EventType::follow:
    case EventType::rating:
    case EventType::review:
      return true;
    default:
      return false;
  }
}

}  // namespace attune::profiles
