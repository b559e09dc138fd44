// How those stand who keep what the logs showed, for /readyz and metrics.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace ca {

struct WitnessState {
  struct Log {
    std::uint64_t asked = 0;     // size of the newest checkpoint it was given
    std::uint64_t cosigned = 0;  // of the newest it cosigned, as far as this run knows
    std::string trouble;         // why it did not cosign the last one; empty when it did
  };
  std::string name;
  std::array<Log, 2> logs;  // certificates, events
};

struct ShipState {
  std::string to;
  std::string trouble;  // why the last record did not arrive; empty when it did
};

}  // namespace ca
