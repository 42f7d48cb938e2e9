// One visit to the shop, step by step. Answers: what does somebody do between coming and going?
#pragma once

#include <cstdint>
#include <vector>

#include "attune/base/random.h"
#include "attune/simulate/assortment.h"
#include "attune/simulate/taste.h"
#include "chooser.h"
#include "record.h"

namespace attune::simulate {

// What a visit finds.
struct ShopDay {
  const ShopParameters& parameters;
  const std::vector<Item>& items;
  const Chooser& chooser;
  int discount_percent = 0;
  std::int64_t foreign_per_mille = 1000;
};

struct OrderLine {
  std::int32_t item;
  std::int16_t quantity;
};

// Appends the records of one visit to `out`.
// Invariants: times never go back; between two steps lie 1 second to 10 minutes; the lines of an
// order share their time.
class Visit {
 public:
  // `first` carries who comes, when and where: customer, actor, channel, session, anonymous, named.
  Visit(const ShopDay& shop, const Tastes& tastes, const Record& first, Rng& random,
        std::vector<Record>& out)
      : shop_(shop), tastes_(tastes), next_(first), random_(random), out_(out) {}

  // Comes to look: perhaps searches, opens lists, sees things, puts one into the cart, leaves it
  // there. `keen` scales how deep.
  void browse(double keen);
  // Says who they are, for the first time ever with `sign_up`. Later steps are named.
  void sign_in(bool sign_up);
  bool named() const { return next_.named; }
  // Fills a cart with what is about to be bought.
  std::vector<OrderLine> fill_cart();
  // Pays: one purchase a line. `recorded`: with the customer, else with nobody. At the till of a
  // shop there is no session.
  void buy(const std::vector<OrderLine>& lines, std::uint64_t order, bool recorded);

  Timestamp now() const { return next_.time; }

 private:
  Record& add(events::EventType type);
  void add_item(events::EventType type, std::int32_t item);
  void wait(double mean_seconds);
  void arrive(int category);
  std::int64_t price(std::int32_t item) const;

  ShopDay shop_;
  const Tastes& tastes_;
  Record next_;
  Rng& random_;
  std::vector<Record>& out_;
};

// How many lines a basket has, and how many pieces a line.
int draw_basket_size(Rng& random);
std::int16_t draw_quantity(const Item& item, Rng& random);

// What follows an order, days later: refunds, ratings and reviews of its purchases `lines`,
// appended to `out`.
void follow_up(const ShopDay& shop, const Tastes& tastes, std::span<const Record> lines,
               Rng& random, std::vector<Record>& out);

}  // namespace attune::simulate
