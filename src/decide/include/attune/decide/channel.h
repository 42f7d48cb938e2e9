// The ways to a customer. Answers: how is it sent, and which consent does that need?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/privacy/consent.h"

namespace attune::decide {

// Stored as its number: append only, never renumber.
enum class Channel : std::uint8_t {
  email,
  sms,
  push,
  webhook,  // a program of the shop's sends it
  on_page,  // an offer that waits for the customer's next visit
  file,     // a list that people work through: letters, calls
};
inline constexpr int kChannelCount = 6;

std::string_view name(Channel channel);
std::span<const std::string> channel_names();  // by number
// Any ASCII case, white space around it is dropped. Errors: invalid_argument that lists the
// channels and names the nearest.
Result<Channel> parse_channel(std::string_view text);

// The consent that a channel needs by itself: email, sms and push their own, on_page
// personalisation. Absent for webhook and file, which may carry anything: whoever uses them says.
std::optional<privacy::Purpose> purpose_of(Channel channel);

}  // namespace attune::decide
