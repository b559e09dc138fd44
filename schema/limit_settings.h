// `limits` of chancery.yaml: how much one client may ask for.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "schema/base/document.h"
#include "schema/base/result.h"
#include "schema/network.h"

namespace schema {

struct LimitSettings {
  // limits.per-address, for signing requests; one client is an IPv4 address or an IPv6 /64.
  struct PerAddress {
    std::chrono::nanoseconds interval;  // of `rate`: between two requests; 0: unlimited
    std::int64_t burst;                 // requests at once after a quiet time, 1 to 1,000,000
    std::vector<Network> exempt;
  };
  PerAddress per_address;
};

// `node`: the map, or null for the defaults: 50/s, burst 500, this machine exempt.
Result<LimitSettings> ReadLimits(const Node* node);
// A list of networks.
Result<std::vector<Network>> ReadNetworks(const Node& node);

}  // namespace schema
