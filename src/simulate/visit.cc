#include "visit.h"

#include <algorithm>
#include <cmath>

#include "words.h"

namespace attune::simulate {

using events::EventType;

namespace {

// Habits of people in shops: chances of each step, calibrated so that 2 to 4 of 100 sessions end in
// an order.
constexpr double kSearches = 0.34;
constexpr double kOpensList = 0.48;
constexpr double kStaysInCategory = 0.7;
constexpr double kFillsCart = 0.11;
constexpr double kEmptiesCart = 0.15;
constexpr double kReachesCheckout = 0.3;
constexpr double kSavesForLater = 0.04;
constexpr std::array<double, 5> kBasketSizes = {.56, .24, .11, .06, .03};
constexpr double kBasketKeepsCategory = 0.4;
constexpr double kRates = 0.11;
constexpr double kReviews = 0.05;

}  // namespace

Record& Visit::add(EventType type) {
  out_.push_back(next_);
  out_.back().type = type;
  return out_.back();
}

std::int64_t Visit::price(std::int32_t item) const {
  const std::int64_t full = shop_.items[static_cast<std::size_t>(item)].price_minor;
  const std::int64_t paid = (full * (100 - shop_.discount_percent) + 50) / 100;
  return next_.foreign ? std::max<std::int64_t>(1, (paid * shop_.foreign_per_mille + 500) / 1000)
                       : paid;
}

void Visit::add_item(EventType type, std::int32_t item) {
  Record& record = add(type);
  record.item = item;
  record.price_minor = price(item);
}

void Visit::wait(double mean_seconds) {
  const double seconds = 1 + std::min(random_.exponential(1 / mean_seconds), 590.0);
  next_.time.micros += static_cast<std::int64_t>(seconds) * kMicrosPerSecond;
}

void Visit::arrive(int category) {
  const std::int32_t meant = shop_.chooser.draw_item(shop_.items, tastes_, category, random_);
  if (random_.chance(kSearches)) {
    Record& search = add(EventType::search);
    search.item = meant;
    search.words = random_.next();
    wait(12);
  }
  if (random_.chance(kOpensList)) {
    add(EventType::list_view).item = meant;
    wait(18);
  }
}

void Visit::browse(double keen) {
  int category = shop_.chooser.draw_category(tastes_, random_);
  if (random_.chance(std::min(1.0, keen))) arrive(category);
  const auto views = 1 + static_cast<int>(std::min(random_.exponential(1 / (2.2 * keen)), 30.0));
  std::int32_t seen = -1;
  for (int i = 0; i < views; ++i) {
    seen = shop_.chooser.draw_item(shop_.items, tastes_, category, random_);
    add_item(EventType::view, seen);
    wait(40);
    if (!random_.chance(kStaysInCategory)) {
      category = shop_.chooser.draw_category(tastes_, random_);
    }
  }
  if (random_.chance(kSavesForLater * keen)) {
    add_item(EventType::wishlist, seen);
    wait(10);
  }
  if (!random_.chance(kFillsCart * keen)) return;
  add_item(EventType::cart_add, seen);
  out_.back().quantity = 1;
  wait(30);
  if (random_.chance(kEmptiesCart)) {
    add_item(EventType::cart_remove, seen);
    wait(10);
  } else if (random_.chance(kReachesCheckout)) {
    add(EventType::checkout);
    wait(60);
  }
}

void Visit::sign_in(bool sign_up) {
  next_.named = true;
  if (sign_up) {
    Record& record = add(EventType::signup);
    record.anonymous = 0;
    wait(20);
  }
  if (next_.anonymous != 0) {
    add(EventType::identify);
    wait(15);
  }
  next_.anonymous = 0;
}

std::vector<OrderLine> Visit::fill_cart() {
  std::vector<OrderLine> lines;
  const int size = draw_basket_size(random_);
  const bool online = next_.channel != Channel::shop;
  int category = shop_.chooser.draw_category(tastes_, random_);
  if (online) arrive(category);
  for (int i = 0; i < size; ++i) {
    if (i > 0 && !random_.chance(kBasketKeepsCategory)) {
      category = shop_.chooser.draw_category(tastes_, random_);
    }
    if (online && random_.chance(.6)) {
      add_item(EventType::view, shop_.chooser.draw_item(shop_.items, tastes_, category, random_));
      wait(35);
    }
    const std::int32_t item = shop_.chooser.draw_item(shop_.items, tastes_, category, random_);
    if (std::ranges::find(lines, item, &OrderLine::item) != lines.end()) continue;
    lines.push_back({item, draw_quantity(shop_.items[static_cast<std::size_t>(item)], random_)});
    if (!online) continue;
    add_item(EventType::view, item);
    wait(45);
    add_item(EventType::cart_add, item);
    out_.back().quantity = lines.back().quantity;
    wait(20);
  }
  return lines;
}

void Visit::buy(const std::vector<OrderLine>& lines, std::uint64_t order, bool recorded) {
  if (next_.channel != Channel::shop) {
    add(EventType::checkout);
    wait(90);
  }
  for (const OrderLine& line : lines) {
    add_item(EventType::purchase, line.item);
    Record& purchase = out_.back();
    purchase.quantity = line.quantity;
    purchase.order = order;
    purchase.named = recorded;
    purchase.anonymous = 0;
    if (!recorded || next_.channel == Channel::shop) purchase.session = 0;
  }
}

int draw_basket_size(Rng& random) { return 1 + static_cast<int>(random.categorical(kBasketSizes)); }

std::int16_t draw_quantity(const Item& item, Rng& random) {
  const double more = kCategories[static_cast<std::size_t>(item.category)].extra_quantity;
  std::int16_t quantity = 1;
  while (quantity < 4 && random.chance(more)) ++quantity;
  return quantity;
}

void follow_up(const ShopDay& shop, const Tastes& tastes, std::span<const Record> lines,
               Rng& random, std::vector<Record>& out) {
  const auto later = [&](const Record& purchase, EventType type, double least_days) {
    Record record = purchase;
    const double days = least_days + std::min(random.exponential(1.0 / 4), 14.0);
    // At about the same time of day, so that the doors of a shop are open.
    const double hours = 24 * std::floor(days) + 3 * random.uniform() - 1.5;
    record.time.micros += static_cast<std::int64_t>(hours * 3600) * kMicrosPerSecond;
    record.type = type;
    record.session = 0;
    return record;
  };
  for (const Record& purchase : lines) {
    const Item& item = shop.items[static_cast<std::size_t>(purchase.item)];
    // exp(-.5 q) has mean exp(.125) for the usual spread of quality.
    const double regret = std::exp(-.5 * item.quality - .125);
    if (random.chance(shop.parameters.refund_share * regret)) {
      Record refund = later(purchase, EventType::refund, 2);
      if (random.chance(.3)) {
        const auto pieces = static_cast<std::uint64_t>(purchase.quantity);
        refund.quantity = static_cast<std::int16_t>(1 + random.below(pieces));
      }
      out.push_back(refund);
    }
    if (!purchase.named || !random.chance(kRates)) continue;
    const double liking = affinity(tastes, item.style, item.log_price_ratio);
    const double felt = 3.9 + .5 * item.quality + .3 * liking + .7 * random.normal();
    Record rating = later(purchase, EventType::rating, 3);
    rating.rating = static_cast<std::uint8_t>(std::clamp(std::lround(felt), 1L, 5L));
    rating.quantity = 0;
    rating.price_minor = 0;
    if (random.chance(kReviews / kRates)) {
      rating.type = EventType::review;
      rating.words = random.next();
    }
    out.push_back(rating);
  }
}

}  // namespace attune::simulate
