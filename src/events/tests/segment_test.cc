#include <gtest/gtest.h>

#include "attune/events/segment.h"

namespace attune::events {
namespace {

TEST(SegmentReader, ReadsATrackCall) {
  SegmentReader reader({.currency = *Currency::parse("EUR")});
  SegmentBatch out;
  ASSERT_TRUE(
      reader.read(SegmentCall::track,
                  R"({"userId":"u","event":"Product Viewed","properties":{"product_id":"p"}})",
                  Timestamp{1'795'324'200'000'000}, out));
  ASSERT_EQ(out.events.size(), 1u);
  EXPECT_EQ(out.events[0].item, "p");
}

}  // namespace
}  // namespace attune::events
