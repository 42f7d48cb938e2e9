#include "attune/decide/channel.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/text.h"

namespace attune::decide {

std::span<const std::string> channel_names() {
  static const std::vector<std::string> names{"email", "sms", "push", "webhook", "on_page", "file"};
  return names;
}

std::string_view name(Channel channel) {
  return channel_names()[static_cast<std::size_t>(channel)];
}

Result<Channel> parse_channel(std::string_view text) {
  const std::span<const std::string> names = channel_names();
  const std::string wanted = ascii_lower(trim(text));
  const auto found = std::ranges::find(names, wanted);
  if (found != names.end()) return static_cast<Channel>(found - names.begin());
  return std::unexpected(
      invalid_argument(fmt::format("'{}' is not a channel; there are {}{}", attune::quoted(text),
                                   fmt::join(names, ", "), did_you_mean(wanted, names))));
}

std::optional<privacy::Purpose> purpose_of(Channel channel) {
  switch (channel) {
    case Channel::email:
      return privacy::Purpose::email;
    case Channel::sms:
      return privacy::Purpose::sms;
    case Channel::push:
      return privacy::Purpose::push;
    case Channel::on_page:
      return privacy::Purpose::personalisation;
    case Channel::webhook:
    case Channel::file:
      break;
  }
  return std::nullopt;
}

}  // namespace attune::decide
