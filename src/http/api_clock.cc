// What time it is: asked of any service, and told to one that rehearses.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/settable_clock.h"
#include "attune/base/time.h"

namespace attune::http {
namespace {

namespace json = boost::json;

Response clock_response(const Call& call, const SettableClock* clock) {
  return json_response(json::object{{"now", format_iso(call.service.now())},
                                    {"settable", clock != nullptr},
                                    {"time_zone", call.service.shop_settings().zone.name()}});
}

Answer move(const Call& call, SettableClock* clock) {
  std::string text;
  Fields fields(call.body);
  fields.text("now", text, 64);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  if (clock == nullptr) {
    return std::unexpected(fault(failed_precondition(
        "this service goes by the system's clock; for a rehearsal start one with attune serve "
        "--clock MOMENT")));
  }
  const auto read = parse_iso(text);
  if (!read) return std::unexpected(fault(read.error(), "now"));
  if (!read->offset_minutes) {
    return std::unexpected(fault(
        invalid_argument(fmt::format("'{}' names no zone: add Z or an offset", text)), "now"));
  }
  const Timestamp time{utc_from_civil(read->civil).micros -
                       *read->offset_minutes * kMicrosPerMinute};
  if (!clock->advance_to(time)) {
    return std::unexpected(fault(
        invalid_argument(fmt::format("{} lies before {}, which the clock says; it never goes back",
                                     text, format_iso(clock->now()))),
        "now"));
  }
  return clock_response(call, clock);
}

constexpr const char* kNow =
    R"({"type":"object","required":["now"],"additionalProperties":false,"properties":{"now":{"type":"string","description":"ISO 8601 with a zone, not before what the clock says"}}})";

}  // namespace

void add_clock_doors(ApiContext& api) {
  SettableClock* const clock = api.options.clock;
  api.add_quick({.method = Method::get,
                 .path = "/v1/clock",
                 .scope = KeyScope::read,
                 .summary = "What time the service goes by, and whether that may be moved"},
                [clock](const Call& call) -> Answer { return clock_response(call, clock); });
  api.add({.method = Method::post,
           .path = "/v1/clock",
           .scope = KeyScope::admin,
           .summary = "Moves the clock of a rehearsal (attune serve --clock)",
           .body = kNow},
          [clock](const Call& call) -> Answer { return move(call, clock); });
}

}  // namespace attune::http
