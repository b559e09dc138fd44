// Signatures counted on both sides of the socket. A signer counts what it makes, by purpose, and
// says so in each answer; the network side counts what it asks for. Within one run of a signer the
// two agree at every answer, because it answers in order: what it made beyond that, somebody else
// asked for.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "hsm/custody.h"

namespace hsm {

// Of one signer process since its start, at PlaceOf(purpose).
using MadeCounts = std::array<std::uint64_t, kSigningPurposes>;

// kKeepAlive and what is no purpose have none.
std::optional<std::size_t> PlaceOf(Purpose purpose);

// What all signers of a custody were asked for and made. Thread-safe. A request is counted before
// it is sent and a signature after its answer came, so no moment shows more made than asked for.
class Tally {
 public:
  void Sent(Purpose purpose, bool again);
  void Lost(Purpose purpose);
  void Made(std::size_t place, std::uint64_t count, std::uint64_t excess);
  std::array<SignatureCount, kSigningPurposes> Counts() const;

 private:
  struct Counter {
    std::atomic<std::uint64_t> asked{0}, again{0}, made{0}, lost{0}, excess{0};
  };
  std::array<Counter, kSigningPurposes> counters_;
};

// One run of a signer, as its answers tell it. Used by one thread.
class RunCounts {
 public:
  enum class Verdict {
    kAgree,
    kExcess,      // more than was asked for; told to the tally
    kContradict,  // fewer than it has answered: it is not to be believed
  };
  // `told` came with an answer; `answered`: it brought a signature of this purpose.
  Verdict Take(const MadeCounts& told, std::optional<Purpose> answered, Tally& tally);

 private:
  MadeCounts known_{};
};

}  // namespace hsm
