#include "attune/net/address.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::net {
namespace {

struct Range4 {
  std::uint32_t first;
  int bits;
  std::string_view kind;
};

constexpr std::uint32_t ipv4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr Range4 kInner4[] = {
    {ipv4(0, 0, 0, 0), 8, "this machine"},
    {ipv4(10, 0, 0, 0), 8, "private network"},
    {ipv4(100, 64, 0, 0), 10, "carrier's network"},
    {ipv4(127, 0, 0, 0), 8, "loopback"},
    {ipv4(169, 254, 0, 0), 16, "link-local"},  // 169.254.169.254: clouds' metadata
    {ipv4(172, 16, 0, 0), 12, "private network"},
    {ipv4(192, 0, 0, 0), 24, "protocol assignments"},
    {ipv4(192, 0, 2, 0), 24, "documentation"},
    {ipv4(192, 88, 99, 0), 24, "reserved"},
    {ipv4(192, 168, 0, 0), 16, "private network"},
    {ipv4(198, 18, 0, 0), 15, "benchmarking"},
    {ipv4(198, 51, 100, 0), 24, "documentation"},
    {ipv4(203, 0, 113, 0), 24, "documentation"},
    {ipv4(168, 63, 129, 16), 32, "a cloud's inner service"},
    {ipv4(224, 0, 0, 0), 4, "multicast"},
    {ipv4(240, 0, 0, 0), 4, "reserved"},
};

struct Range6 {
  std::array<std::uint8_t, 16> first;
  int bits;
  std::string_view kind;
};

// Ranges outside of 2000::/3 are inner without being listed; these say which kind, or lie inside.
constexpr Range6 kInner6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, "loopback"},
    {{0}, 128, "this machine"},
    {{0xfc}, 7, "unique-local"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "private network"},
    {{0xff}, 8, "multicast"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
    {{0x20, 0x01}, 23, "protocol assignments"},  // Teredo and others
    {{0x3f, 0xff}, 20, "documentation"},
};

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};

bool within(const std::array<std::uint8_t, 16>& bytes, const Range6& range) {
  for (int bit = 0; bit < range.bits; bit += 8) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const int used = std::min(8, range.bits - bit);
    const int mask = 0xff << (8 - used) & 0xff;
    if ((bytes[at] & mask) != (range.first[at] & mask)) return false;
  }
  return true;
}

std::uint32_t ipv4_at(const IpAddress& address, std::size_t at) {
  const auto& b = address.bytes;
  return ipv4(b[at], b[at + 1], b[at + 2], b[at + 3]);
}

std::optional<std::string_view> inner_ipv4_kind(std::uint32_t address) {
  for (const Range4& range : kInner4) {
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - range.bits);
    if ((address & mask) == range.first) return range.kind;
  }
  return std::nullopt;
}

bool starts_with(const IpAddress& address, const std::array<std::uint8_t, 12>& prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

}  // namespace

IpAddress from_ipv4(std::uint32_t host_order) {
  IpAddress address;
  std::ranges::copy(kMapped, address.bytes.begin());
  for (std::size_t i = 0; i < 4; ++i)
    address.bytes[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

Result<IpAddress> parse_ip_address(std::string_view text) {
  const std::string terminated(text);
  IpAddress address;
  if (text.find('\0') == std::string_view::npos) {
    if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
    in_addr four{};
    if (::inet_pton(AF_INET, terminated.c_str(), &four) == 1) return from_ipv4(ntohl(four.s_addr));
  }
  return std::unexpected(
      invalid_argument(fmt::format("'{}' is no numeric address of IPv4 or IPv6", quoted(text))));
}

std::string to_string(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (starts_with(address, kMapped)) {
    ::inet_ntop(AF_INET, address.bytes.data() + 12, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
  }
  return text;
}

std::optional<std::string_view> inner_address_kind(const IpAddress& address) {
  if (starts_with(address, kMapped)) return inner_ipv4_kind(ipv4_at(address, 12));
  if (starts_with(address, kNat64)) return inner_ipv4_kind(ipv4_at(address, 12));
  if (address.bytes[0] == 0x20 && address.bytes[1] == 0x02) {
    return inner_ipv4_kind(ipv4_at(address, 2));  // 6to4
  }
  for (const Range6& range : kInner6) {
    if (within(address.bytes, range)) return range.kind;
  }
  if ((address.bytes[0] & 0xe0) != 0x20) return "reserved";
  return std::nullopt;
}

}  // namespace attune::net
