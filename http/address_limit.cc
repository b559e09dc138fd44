#include "http/address_limit.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace http {
namespace {

using schema::Address;
using std::chrono::nanoseconds;

// The finalizer of SplitMix64: every bit of the input moves every bit of the output.
std::uint64_t Mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

// A household has a /64 and every address in it (RFC 6177).
Address ClientOf(Address address) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!std::equal(kMapped.begin(), kMapped.end(), address.begin())) {
    std::fill(address.begin() + 8, address.end(), std::uint8_t{0});
  }
  return address;
}

}  // namespace

AddressLimit::AddressLimit(schema::LimitSettings::PerAddress settings,
                           std::array<std::uint64_t, 2> secret)
    : settings_(std::move(settings)),
      tolerance_(settings_.interval * (settings_.burst - 1)),
      secret_(secret),
      sets_(kSets) {}

std::size_t AddressLimit::SetOf(const Address& address) const {
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), address.data(), sizeof halves);
  return Mix(Mix(halves[0] ^ secret_[0]) ^ halves[1] ^ secret_[1]) % kSets;
}

nanoseconds AddressLimit::Take(std::string_view text, schema::Steady::time_point now) {
  if (settings_.interval == nanoseconds(0)) return nanoseconds(0);
  Address client{};
  if (const auto address = schema::ParseAddress(text)) {
    const bool exempt = std::ranges::any_of(settings_.exempt, [&](const schema::Network& network) {
      return network.Contains(*address);
    });
    if (exempt) return nanoseconds(0);
    client = ClientOf(*address);
  }
  const std::size_t number = SetOf(client);
  const std::lock_guard lock(mutexes_[number % mutexes_.size()]);
  Set& set = sets_[number];
  auto place = std::ranges::find(set, client, &Place::address);
  if (place == set.end()) place = std::ranges::min_element(set, {}, &Place::full);
  const auto full = std::max(place->full, now);
  if (full - now > tolerance_) return full - now - tolerance_;
  *place = {client, full + settings_.interval};
  return nanoseconds(0);
}

}  // namespace http
