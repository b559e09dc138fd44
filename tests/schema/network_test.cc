#include "schema/network.h"

#include <doctest/doctest.h>

#include "schema/base/bytes.h"

namespace {

using schema::ParseAddress;
using schema::ParseEndpoint;
using schema::ParseNetwork;
using namespace std::string_view_literals;

TEST_CASE("ParseAddress") {
  const struct {
    std::string_view text;
    std::string_view want;  // empty: refused
  } kCases[] = {
      {"127.0.0.1", "00000000000000000000ffff7f000001"},
      {"255.255.255.255", "00000000000000000000ffffffffffff"},
      {"::1", "00000000000000000000000000000001"},
      {"::", "00000000000000000000000000000000"},
      {"::ffff:127.0.0.1", "00000000000000000000ffff7f000001"},
      {"fd00::1", "fd000000000000000000000000000001"},
      {"FD00:0:0:0:0:0:0:1", "fd000000000000000000000000000001"},
      {"", ""},
      {"localhost", ""},
      {"127.0.0", ""},
      {"127.0.0.256", ""},
      {"127.0.0.01", ""},
      {"127.0.0.1 ", ""},
      {" 127.0.0.1", ""},
      {"127.0.0.1\0"sv, ""},
      {"127.0.0.1\0x"sv, ""},
      {"0x7f.1", ""},
      {"[::1]", ""},
      {"fe80::1%eth0", ""},
      {":::", ""},
      {"1:2:3:4:5:6:7:8:9", ""},
      {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", ""},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto address = ParseAddress(c.text);
    REQUIRE_EQ(address.has_value(), !c.want.empty());
    if (address) CHECK_EQ(schema::Hex(*address), c.want);
    if (!address) CHECK(address.error().Is(schema::kBadAddress));
  }
}

TEST_CASE("ParseEndpoint reads what Text writes") {
  for (const std::string_view text : {"127.0.0.1:5555", "0.0.0.0:0", "[::1]:65535", "[::]:80"}) {
    CAPTURE(text);
    const auto endpoint = ParseEndpoint(text);
    REQUIRE(endpoint);
    CHECK_EQ(endpoint->Text(), text);
  }
  for (const std::string_view text : {"",
                                      ":",
                                      "5555",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      ":5555",
                                      "localhost:5555",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:+1",
                                      "127.0.0.1:080",
                                      "127.0.0.1:80x",
                                      "127.0.0.1: 80",
                                      "::1:80",
                                      "[127.0.0.1]:80",
                                      "[::1]",
                                      "[::1:80",
                                      "::1]:80",
                                      "[]:80",
                                      "[[::1]]:80",
                                      "127.0.0.1:99999999999999999999"}) {
    CAPTURE(text);
    const auto endpoint = ParseEndpoint(text);
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().Is(schema::kBadAddress));
  }
}

TEST_CASE("ParseNetwork and Contains") {
  const struct {
    std::string_view network, address;
    bool inside;
  } kCases[] = {
      {"127.0.0.1/32", "127.0.0.1", true},
      {"127.0.0.1/32", "127.0.0.2", false},
      {"127.0.0.1/32", "::ffff:127.0.0.1", true},
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"172.16.0.0/12", "172.31.255.255", true},
      {"172.16.0.0/12", "172.32.0.0", false},
      {"192.168.1.0/31", "192.168.1.1", true},
      {"192.168.1.0/31", "192.168.1.2", false},
      {"0.0.0.0/0", "203.0.113.7", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "203.0.113.7", true},
      {"::/0", "2001:db8::1", true},
      {"fd00::/8", "fdff::1", true},
      {"fd00::/8", "fe00::1", false},
      {"2001:db8::/33", "2001:db8:7fff::", true},
      {"2001:db8::/33", "2001:db8:8000::", false},
      {"::1/128", "::1", true},
      {"::1/128", "::", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.network);
    CAPTURE(c.address);
    const auto network = ParseNetwork(c.network);
    REQUIRE(network);
    CHECK_EQ(network->Contains(*ParseAddress(c.address)), c.inside);
  }
}

TEST_CASE("ParseNetwork refuses everything else") {
  for (const std::string_view text :
       {"", "/", "127.0.0.1", "127.0.0.1/", "127.0.0.1/33", "127.0.0.1/-1", "127.0.0.1/032",
        "127.0.0.1/32/32", "127.0.0.1/32 ", "::1/129", "::1", "10.1.0.0/8", "0.0.0.1/0",
        "fd00::1/8", "host/32", "/32", "127.0.0.1/0x20", "[::1]/128"}) {
    CAPTURE(text);
    const auto network = ParseNetwork(text);
    REQUIRE_FALSE(network);
    CHECK(network.error().Is(schema::kBadAddress));
  }
}

}  // namespace
