#include "attune/profiles/segments.h"

namespace attune::profiles {
namespace {

Segment ready(const char* name, const char* rule, const char* description) {
  return {name, rule, description, Timestamp{}, true};
}

std::vector<Segment> make_ready_segments() {
  return {
      ready("champions", "recency_score >= 4 and frequency_score >= 4 and monetary_score >= 4",
            "bought lately, often and for much"),
      ready("loyal", "frequency_score >= 4 and lifecycle in [\"new\", \"active\", \"won_back\"]",
            "buy more often than most, and still do"),
      ready("promising", "lifecycle == \"new\" and value_tier in [\"middle\", \"high\", \"top\"]",
            "new, and already worth more than half of the buyers"),
      ready("new customers", "lifecycle == \"new\"", "made their first purchase lately"),
      ready("at risk", "lifecycle == \"at_risk\"",
            "have not bought for longer than their rhythm says"),
      ready("valuable at risk", "lifecycle == \"at_risk\" and value_tier in [\"high\", \"top\"]",
            "at risk, and among the best fifth by money"),
      ready("lapsed", "lifecycle == \"lapsed\"", "have been away for several times their rhythm"),
      ready("won back", "lifecycle == \"won_back\"", "returned after they had lapsed"),
      ready("browsers", "lifecycle == \"browsing\"", "look and never bought"),
      ready("cart abandoners", "cart_add_count_7d > 0 and purchase_count_7d == 0",
            "filled a cart in the last week and bought nothing"),
      ready("big spenders", "value_tier == \"top\"", "the best 5 % of buyers by money"),
      ready("bargain hunters",
            "frequency >= 2 and (price_band == \"low\" or coupon_redeemed_count >= 2)",
            "buy at low prices or with coupons"),
      ready("returners", "refund_count >= 2 and refund_share > 0.3",
            "send back a good part of what they buy"),
      ready("one-time buyers", "buyer == \"one_time\"", "bought on a single day"),
      ready("frequent buyers", "buyer == \"frequent\"",
            "buy repeatedly, at least as often as the shop's returning customers do"),
      ready("infrequent buyers", "buyer == \"infrequent\"", "came back, but rarely"),
      ready("creators", "creator in [\"monthly\", \"weekly\", \"daily\"]",
            "posted in the last 30 days"),
      ready("regulars", "visitor == \"regular\"", "were there on many of the last 30 days"),
      ready("active engagers", "engager == \"active\"",
            "like, comment, share, follow, rate or review a lot"),
  };
}

}  // namespace

std::span<const Segment> ready_segments() {
  static const std::vector<Segment> kSegments = make_ready_segments();
  return kSegments;
}

}  // namespace attune::profiles
