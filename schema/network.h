// IP addresses as a configuration writes them. No name is ever looked up.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace schema {

extern const ErrorKind kBadAddress;

// 16 octets in network order, IPv4 as IPv4-mapped IPv6 (RFC 4291 2.5.5.2).
using Address = std::array<std::uint8_t, 16>;
// An IPv4 or IPv6 literal, without zone and without brackets. Safe on any bytes.
Result<Address> ParseAddress(std::string_view text);

struct Endpoint {
  std::string host;          // an IP literal: "127.0.0.1", "::1", "0.0.0.0"
  std::uint16_t port;        // 0: any free port
  std::string Text() const;  // "127.0.0.1:5555", "[::1]:5555"
};
// What Endpoint::Text writes.
Result<Endpoint> ParseEndpoint(std::string_view text);

// An IP network, IPv4 kept as IPv4-mapped IPv6.
struct Network {
  Address address;
  int prefix;  // bits, 0 to 128
  bool Contains(const Address& other) const;
};
// CIDR, "10.0.0.0/8" or "fd00::/8"; no bit is set behind the prefix.
Result<Network> ParseNetwork(std::string_view text);

}  // namespace schema
