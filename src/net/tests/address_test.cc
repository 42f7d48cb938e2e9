#include "attune/net/address.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::net {
namespace {

bool inner(std::string_view text) {
  return inner_address_kind(parse_ip_address(text).value()).has_value();
}

TEST(InnerAddress, KnowsWhatBelongsToTheMachineAndItsNeighbours) {
  for (const char* text : {"127.0.0.1",
                           "127.255.255.255",
                           "0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.100.100.200",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "192.0.0.192",
                           "192.0.2.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "203.0.113.9",
                           "168.63.129.16",
                           "224.0.0.1",
                           "239.255.255.250",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:10.0.0.1",
                           "::ffff:169.254.169.254",
                           "::127.0.0.1",
                           "64:ff9b::10.0.0.1",
                           "64:ff9b:1::1",
                           "2002:7f00:1::",
                           "2002:a00:1::1",
                           "2001::1",
                           "2001:db8::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1",
                           "100::1",
                           "4000::1",
                           "5f00::1"}) {
    EXPECT_TRUE(inner(text)) << text;
  }
}

TEST(InnerAddress, LetsTheOpenInternetThrough) {
  for (const char* text :
       {"1.1.1.1",          "8.8.8.8",         "9.255.255.255",        "11.0.0.0",
        "100.63.255.255",   "100.128.0.0",     "126.255.255.255",      "128.0.0.0",
        "169.253.255.255",  "169.255.0.0",     "172.15.255.255",       "172.32.0.0",
        "192.167.255.255",  "192.169.0.0",     "198.17.255.255",       "198.20.0.0",
        "168.63.129.15",    "168.63.129.17",   "223.255.255.255",      "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1", "2002:101:101::1", "2001:4860:4860::8888", "2606:4700::1111",
        "2a00:1450::1"}) {
    EXPECT_FALSE(inner(text)) << text;
  }
}

TEST(InnerAddressProperty, SaysTheSameOfAnIpv4AddressHoweverItIsWrapped) {
  EXPECT_TRUE(rc::check([] {
    const auto four = *rc::gen::arbitrary<std::uint32_t>();
    const IpAddress mapped = from_ipv4(four);
    IpAddress nat64{{0, 0x64, 0xff, 0x9b}};
    IpAddress to4{{0x20, 0x02}};
    for (std::size_t i = 0; i < 4; ++i) {
      nat64.bytes[12 + i] = mapped.bytes[12 + i];
      to4.bytes[2 + i] = mapped.bytes[12 + i];
    }
    RC_ASSERT(inner_address_kind(nat64) == inner_address_kind(mapped));
    RC_ASSERT(inner_address_kind(to4) == inner_address_kind(mapped));
  }));
}

TEST(InnerAddressProperty, IsReadBackFromItsText) {
  EXPECT_TRUE(rc::check([] {
    IpAddress address;
    for (auto& byte : address.bytes) byte = *rc::gen::arbitrary<std::uint8_t>();
    RC_ASSERT(parse_ip_address(to_string(address)).value() == address);
  }));
}

TEST(ParseIpAddress, RefusesWhatResolversReadInTheirOwnWays) {
  for (const std::string_view text :
       {std::string_view("127.1"), std::string_view("0x7f000001"), std::string_view("2130706433"),
        std::string_view("localhost"), std::string_view(""), std::string_view("1.2.3.4.5"),
        std::string_view("1.2.3.4\0", 8), std::string_view("[::1]"), std::string_view("::1%lo")}) {
    EXPECT_FALSE(parse_ip_address(text));
  }
}

}  // namespace
}  // namespace attune::net
