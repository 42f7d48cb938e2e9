// Which addresses belong to the machine and its neighbours rather than to the world. Answers: may a
// URL that somebody gave us lead there?
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune::net {

// An address of IPv6; those of IPv4 are held as ::ffff:a.b.c.d.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

IpAddress from_ipv4(std::uint32_t host_order);
// Errors: invalid_argument for anything but one numeric address ("127.1" is refused).
Result<IpAddress> parse_ip_address(std::string_view text);
std::string to_string(const IpAddress& address);

// What kind of inner address it is ("loopback", "private network", …); absent for one of the open
// Internet. Addresses of IPv4 inside of IPv6 (mapped, NAT64, 6to4) count as what they lead to; an
// address of a kind that is not known is inner. Reserved ranges, the services that clouds offer to
// their machines, and multicast are inner.
// Source: [RFC6890] with the registries that it began.
std::optional<std::string_view> inner_address_kind(const IpAddress& address);

}  // namespace attune::net
