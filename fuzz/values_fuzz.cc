// Times, numbers and ids of untrusted bytes: nothing overflows, and what is read stays inside the
// years it may.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attune/events/values.h"
#include "cells.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attune;
  using namespace attune::events;
  static const TimeZone zone = TimeZone::find("Europe/London").value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (int format = 0; format <= static_cast<int>(TimeFormat::epoch_nanos); ++format) {
    TimeReader reader(static_cast<TimeFormat>(format), zone);
    TimeValue value;
    const TimeFault fault = reader.read(text, value);
    if (fault == TimeFault::none) {
      const int year = civil_from_utc(value.time).year;
      if (year < 1899 || year > 2201) std::abort();
    } else if (reader.explain(text, fault).empty()) {
      std::abort();
    }
  }
  const std::array<std::string_view, 2> sample{text, text.substr(0, size / 2)};
  choose_time_format(sample);
  uses_decimal_comma(sample);
  is_float_typed_id(sample);
  if (const auto number = read_decimal(text, size % 2 == 0)) {
    (void)to_minor(*number, 1.5, 2);
    (void)to_double(*number);
  }
  if (const auto amount = parse_amount(text, size % 2 == 0, {})) {
    // A currency that was read is one that can be stated.
    if (amount->currency.known() && !Currency::parse(amount->currency.to_string())) std::abort();
  }
  (void)parse_boolean(text);
  RowArena arena;
  bool changed = false;
  const std::string_view cleaned = clean(text, arena, changed);
  bool again = false;
  if (clean(cleaned, arena, again) != cleaned || again) std::abort();
  return 0;
}
