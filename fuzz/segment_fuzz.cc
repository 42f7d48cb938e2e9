// Bodies of Segment's API of untrusted bytes: any call, any limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attune/base/text.h"
#include "attune/events/segment.h"
#include "json_check.h"

namespace {

using namespace attune;
using namespace attune::events;

void expect(bool kept) {
  if (!kept) std::abort();
}

void check_event(const Event& event, Timestamp received, std::size_t id_bytes) {
  expect(event.time <= received);
  expect(!event.customer.empty() || !event.anonymous.empty());
  expect(event.properties.empty() || !find_json_fault(event.properties, 64));
  for (const std::string_view id :
       {event.customer, event.anonymous, event.item, event.order, event.session}) {
    expect(id.size() <= id_bytes && !first_invalid_utf8(id));
  }
  for (const std::string_view text : {event.event_id, event.channel, event.text, event.url})
    expect(!first_invalid_utf8(text));
  for (const auto attributes : {event.item_attributes, event.customer_attributes}) {
    for (const Attribute& one : attributes)
      expect(!first_invalid_utf8(one.name) && !first_invalid_utf8(one.value));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  SegmentOptions options;
  if (data[0] & 8) options.max_event_bytes = 64 + data[1];
  if (data[0] & 16) options.max_id_bytes = data[1];
  if (data[0] & 32) options.max_batch_messages = data[1] % 8;
  const std::size_t id_bytes = options.max_id_bytes;
  SegmentReader reader(options);
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Timestamp received{1'795'324'200'000'000};
  SegmentBatch out;
  const Status status = reader.read(static_cast<SegmentCall>(data[0] % 7), body, received, out);
  if (!status) {
    expect(!status.error().message.empty() && !first_invalid_utf8(status.error().message));
    expect(out.messages == 0 && out.events.empty() && out.problems.empty());
    return 0;
  }
  expect(out.problems.size() <= out.messages);
  expect(out.events.size() >= out.messages - out.problems.size());
  for (const Event& event : out.events) check_event(event, received, id_bytes);
  for (const SegmentProblem& problem : out.problems) {
    expect(problem.index < out.messages && !problem.reason.empty() && !problem.message.empty());
    expect(!first_invalid_utf8(problem.message) && !first_invalid_utf8(problem.raw));
  }
  return 0;
}
