#include "http/proxy.h"

#include <algorithm>

namespace http {

std::string ClientAddress(const Request& request, const std::vector<schema::Network>& trusted) {
  const auto peer = schema::ParseAddress(request.peer_address);
  if (!peer) return request.peer_address;
  const bool believed = std::ranges::any_of(
      trusted, [&](const schema::Network& network) { return network.Contains(*peer); });
  if (!believed) return request.peer_address;
  const std::string* value = nullptr;
  for (const auto& [name, text] : request.headers) {
    if (name != "x-forwarded-for") continue;
    if (value != nullptr) return request.peer_address;
    value = &text;
  }
  return value != nullptr && schema::ParseAddress(*value) ? *value : request.peer_address;
}

}  // namespace http
