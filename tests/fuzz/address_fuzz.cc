// Addresses, endpoints and networks, and X-Forwarded-For behind a trusted proxy:
// - what is taken for an address is one for the system's inet_pton too, and is the same address;
// - what an endpoint writes is read as that endpoint;
// - a network holds its own address, and no bit is set behind its prefix;
// - a client's address is the peer's, or the one literal that the proxy named: never other text.
#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "http/proxy.h"
#include "schema/network.h"

namespace {

bool SystemReads(const std::string& text, const schema::Address& address) {
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) {
    schema::Address mapped{};
    mapped[10] = mapped[11] = 0xff;
    std::memcpy(mapped.data() + 12, &four, 4);
    return mapped == address;
  }
  in6_addr six{};
  return inet_pton(AF_INET6, text.c_str(), &six) == 1 &&
         std::memcmp(six.s6_addr, address.data(), address.size()) == 0;
}

void CheckNetwork(const schema::Network& network) {
  MUST(network.prefix >= 0 && network.prefix <= 128 && network.Contains(network.address));
  for (int bit = network.prefix; bit < 128; ++bit) {
    MUST((network.address[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) == 0);
  }
  if (network.prefix == 0) return;
  schema::Address other = network.address;
  other[0] ^= 0x80;
  MUST(!network.Contains(other));
}

void CheckForwarded(const std::string& value) {
  http::Request request;
  request.peer_address = "192.0.2.1";
  request.headers = {{"x-forwarded-for", value}};
  const auto trusted = schema::ParseNetwork("192.0.2.0/24");
  const std::string client = http::ClientAddress(request, {*trusted});
  MUST(client == request.peer_address || (client == value && schema::ParseAddress(value)));
  MUST(http::ClientAddress(request, {}) == request.peer_address);
  request.headers.emplace_back("x-forwarded-for", "192.0.2.9");
  MUST(http::ClientAddress(request, {*trusted}) == request.peer_address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto address = schema::ParseAddress(text)) {
    MUST(SystemReads(text, *address));
  } else {
    MUST(address.error().Is(schema::kBadAddress));
  }
  if (const auto endpoint = schema::ParseEndpoint(text)) {
    MUST(schema::ParseAddress(endpoint->host).has_value());
    const auto again = schema::ParseEndpoint(endpoint->Text());
    MUST(again && again->host == endpoint->host && again->port == endpoint->port);
  }
  if (const auto network = schema::ParseNetwork(text)) CheckNetwork(*network);
  CheckForwarded(text);
  return 0;
}
