// What an import says besides its counts.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/engine/import.h"
#include "attune/engine/quality_view.h"
#include "shop.h"

namespace attune::engine {
namespace {

// A shop's list of customers often has another id than its orders (an e-mail address, say).
TEST_F(Shop, TellsOfCustomersWhomNobodyHasMet) {
  Workspace workspace = open();
  const auto unknown = [&](const char* name, const char* rows) {
    const auto file = write(name, std::string("customer_id,city\n") + rows);
    const auto reasons = import(workspace, file, events::Kind::customers).report.reasons;
    const auto found = reasons.find("unknown_customer");
    return found == reasons.end() ? 0 : found->second.count;
  };
  EXPECT_EQ(unknown("first.csv", "ann,York\nbob,Bath\n"), 0) << "a shop without anybody";
  EXPECT_EQ(unknown("more.csv", "ann,Leeds\neve@x.org,York\neve@x.org,Bath\n"), 1);
  EXPECT_EQ(unknown("more.csv", "ann,Leeds\neve@x.org,York\n"), 0) << "met by now";
}

TEST_F(Shop, SaysInOneSentenceWhatItHoldsNow) {
  Workspace workspace = open();
  const auto told = [&](const char* name, const char* text, events::Kind kind) {
    return quality_text(import(workspace, write(name, text), kind), {});
  };
  EXPECT_THAT(told("people.csv", "customer_id,city\nann,York\n", events::Kind::customers),
              testing::HasSubstr("\n\nThe shop now has 1 customer and 0 items.\n"));
  EXPECT_THAT(told("bought.csv", "customer_id,product_id,date,price\nann,p1,2026-01-05,4\n",
                   events::Kind::events),
              testing::HasSubstr("\nEvents from 2026-01-05 to 2026-01-05. "
                                 "The shop now has 1 customer and 1 item.\n"));
  EXPECT_THAT(
      told("orders.csv", "order_id,customer_id,product_id,date,price\n7,bob,p2,2026-01-06,4\n",
           events::Kind::events),
      testing::HasSubstr("The shop now has 2 customers, 2 items and 1 order.\n"));
}

}  // namespace
}  // namespace attune::engine
