#include "schema/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace schema {

const ErrorKind kBadAddress{"bad-address", Fault::kUs, "an IP address or network cannot be read"};

namespace {

constexpr std::uint8_t kMapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kMappedBits = 96;

Error Bad(std::string_view why, std::string_view text) {
  return Error{&kBadAddress, std::string(why).append(", found '").append(text).append("'")};
}

// Decimal without sign and leading zeros.
std::optional<int> Number(std::string_view text, int most) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool plain = !text.empty() && text[0] != '-' && (text[0] != '0' || text.size() == 1);
  if (!plain || error != std::errc() || stop != end || value > most) return std::nullopt;
  return value;
}

bool Bit(const Address& address, int bit) {
  return (address[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0;
}

}  // namespace

Result<Address> ParseAddress(std::string_view text) {
  // inet_pton reads up to a NUL; beyond INET6_ADDRSTRLEN nothing is an address.
  const std::string literal(text.substr(0, INET6_ADDRSTRLEN));
  Address address{};
  if (text.size() < INET6_ADDRSTRLEN && text.find('\0') == std::string_view::npos) {
    std::copy(std::begin(kMapped), std::end(kMapped), address.begin());
    if (inet_pton(AF_INET, literal.c_str(), address.data() + sizeof(kMapped)) == 1) return address;
    if (inet_pton(AF_INET6, literal.c_str(), address.data()) == 1) return address;
  }
  return Bad("wanted an IP address", literal);
}

std::string Endpoint::Text() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Endpoint> ParseEndpoint(std::string_view text) {
  constexpr std::string_view kWanted =
      "wanted an IP address and a port such as 127.0.0.1:5555 or [::1]:5555";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Bad(kWanted, text);
  const auto port = Number(text.substr(colon + 1), 65535);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool ipv6 = host.find(':') != std::string_view::npos;
  if (!port || bracketed != ipv6 || !ParseAddress(host)) return Bad(kWanted, text);
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

bool Network::Contains(const Address& other) const {
  for (int bit = 0; bit < prefix; ++bit) {
    if (Bit(address, bit) != Bit(other, bit)) return false;
  }
  return true;
}

Result<Network> ParseNetwork(std::string_view text) {
  constexpr std::string_view kWanted = "wanted a network such as 10.0.0.0/8 or 127.0.0.1/32";
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return Bad(kWanted, text);
  const auto address = ParseAddress(text.substr(0, slash));
  if (!address) return Bad(kWanted, text);
  const bool ipv6 = text.substr(0, slash).find(':') != std::string_view::npos;
  const auto prefix = Number(text.substr(slash + 1), ipv6 ? 128 : 32);
  if (!prefix) return Bad(kWanted, text);
  const Network network{*address, ipv6 ? *prefix : kMappedBits + *prefix};
  for (int bit = network.prefix; bit < 128; ++bit) {
    if (Bit(network.address, bit)) return Bad("the address has bits behind the prefix", text);
  }
  return network;
}

}  // namespace schema
