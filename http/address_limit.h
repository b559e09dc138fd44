// How often one client may ask for a certificate: a token bucket for each address, before anything
// is computed for it.
//
// The table has a fixed size, and forgetting cannot be abused. An address hashes, with a secret, to
// a set of kWays places. A bucket that is full again says no more than an empty place, so it gives
// way first; else the fullest gives way, and its successor takes over what it had used. So what an
// address had used is never forgotten while it counts: one that comes back finds the fullest bucket
// of its set, which is never fuller than its own was. A newcomer may find less than it is due, when
// all places of its set are in use: that takes an attacker with kWays busy addresses for each set.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "schema/base/time.h"
#include "schema/limit_settings.h"
#include "schema/network.h"

namespace http {

// Thread-safe; 1.6 MB.
class AddressLimit {
 public:
  static constexpr std::size_t kSets = 8192;
  static constexpr std::size_t kWays = 8;

  // `secret`: random, so that nobody can choose addresses of one set.
  AddressLimit(schema::LimitSettings::PerAddress settings, std::array<std::uint64_t, 2> secret);

  // Counts one request of `address`, an IP literal (IPv6: its /64), and returns 0; or counts
  // nothing and returns how long until one will be let in. What is no literal shares one bucket.
  std::chrono::nanoseconds Take(std::string_view address, schema::Steady::time_point now);

 private:
  struct Place {
    schema::Address address{};
    // When the bucket is full again (the theoretical arrival time of GCRA, ITU-T I.371).
    schema::Steady::time_point full{};
  };
  using Set = std::array<Place, kWays>;
  std::size_t SetOf(const schema::Address& address) const;

  const schema::LimitSettings::PerAddress settings_;
  const std::chrono::nanoseconds tolerance_;  // of `burst`
  const std::array<std::uint64_t, 2> secret_;
  std::array<std::mutex, 64> mutexes_;  // set number modulo 64
  std::vector<Set> sets_;
};

}  // namespace http
