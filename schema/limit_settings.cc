#include "schema/limit_settings.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace schema {
namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t kRateMax = 1'000'000;  // requests
constexpr std::int64_t kBurstMax = 1'000'000;
constexpr std::int64_t kBurst = 500;
constexpr nanoseconds kInterval = std::chrono::milliseconds(20);

// "50/s": a count from 1 on without leading zero, and s, m or h. "unlimited" is 0.
std::optional<nanoseconds> ParseRate(std::string_view text) {
  if (text == "unlimited") return nanoseconds(0);
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || text[0] == '0' || count < 1 || count > kRateMax) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  if (unit == "/s") return nanoseconds(std::chrono::seconds(1)) / count;
  if (unit == "/m") return nanoseconds(std::chrono::minutes(1)) / count;
  if (unit == "/h") return nanoseconds(std::chrono::hours(1)) / count;
  return std::nullopt;
}

// 127.0.0.0/8 and ::1: whoever is here already, or a proxy that nobody told us to believe.
std::vector<Network> ThisMachine() {
  Network four{{}, 96 + 8}, six{{}, 128};
  four.address[10] = four.address[11] = 0xff;
  four.address[12] = 127;
  six.address[15] = 1;
  return {four, six};
}

}  // namespace

Result<std::vector<Network>> ReadNetworks(const Node& node) {
  if (node.kind() != Node::Kind::kList) return node.Wrong("wanted a list of networks");
  std::vector<Network> out;
  for (const Node& item : node.items()) {
    TRY(const std::string text, item.String());
    const auto network = ParseNetwork(text);
    if (!network) return item.Wrong(network.error().detail);
    out.push_back(*network);
  }
  return out;
}

Result<LimitSettings> ReadLimits(const Node* node) {
  LimitSettings out{{kInterval, kBurst, ThisMachine()}};
  if (node == nullptr) return out;
  TRY(node->OnlyKeys({"per-address"}));
  const Node* per_address = node->Find("per-address");
  if (per_address == nullptr) return out;
  TRY(per_address->OnlyKeys({"rate", "burst", "exempt"}));
  if (const Node* rate = per_address->Find("rate")) {
    TRY(const std::string text, rate->String());
    const auto interval = ParseRate(text);
    if (!interval) {
      return rate->Wrong("wanted requests and a unit such as 50/s, 100/m or 1000/h, or unlimited");
    }
    out.per_address.interval = *interval;
  }
  if (const Node* burst = per_address->Find("burst")) {
    TRY(out.per_address.burst, burst->Integer(1, kBurstMax));
  }
  if (const Node* exempt = per_address->Find("exempt")) {
    TRY(out.per_address.exempt, ReadNetworks(*exempt));
  }
  return out;
}

}  // namespace schema
