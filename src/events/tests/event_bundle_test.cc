#include "attune/events/event_bundle.h"

#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace attune::events {
namespace {

std::string bundle_of(int count) {
  std::vector<std::string> texts;
  texts.reserve(static_cast<std::size_t>(count) * 2);
  std::vector<Event> events;
  for (int i = 0; i < count; ++i) {
    Event& event = events.emplace_back();
    event.type = EventType::view;
    event.time = {1'700'000'000'000'000 + i};
    event.customer = texts.emplace_back(fmt::format("客户{}", i % 50));
    event.item = "p1";
    event.properties = texts.emplace_back(fmt::format(R"({{"n":{},"page":"spring"}})", i));
  }
  return bundle_events(events);
}

TEST(PackEvents, SayTheSameInFewerBytes) {
  for (const int count : {0, 1, 500}) {
    const std::string bundle = bundle_of(count);
    const std::string packed = pack_events(bundle);
    const auto whole = parse_events(bundle), unpacked = parse_events(packed);
    ASSERT_TRUE(whole && unpacked) << count;
    EXPECT_EQ(unpacked->rows(), count);
    EXPECT_EQ(unpacked->columns.serialise(), whole->columns.serialise());
    EXPECT_EQ(unpacked->names.serialise(), whole->names.serialise());
    EXPECT_EQ(unpacked->facts.serialise(), whole->facts.serialise());
    if (count == 500) {
      EXPECT_LT(packed.size() * 3, bundle.size());
    }
  }
}

TEST(PackEvents, AreRefusedWhereAnythingIsBroken) {
  const std::string packed = pack_events(bundle_of(20));
  for (std::size_t length = 0; length < packed.size(); ++length)
    EXPECT_FALSE(parse_events(packed.substr(0, length))) << length;
  for (std::size_t at = 0; at < packed.size(); ++at) {
    std::string broken = packed;
    broken[at] = static_cast<char>(broken[at] ^ 0x55);
    (void)parse_events(broken);  // says something else, or an error: never more than it may
  }
}

TEST(PackEvents, DoNotTakeTheMemoryThatBytesClaim) {
  // A frame of one piece that claims 2^60 bytes.
  const std::string claims("\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\x10\x01\0\0", 16);
  const auto bundle = parse_events(claims);
  ASSERT_FALSE(bundle);
  EXPECT_EQ(bundle.error().code, ErrorCode::data_corruption);
}

}  // namespace
}  // namespace attune::events
