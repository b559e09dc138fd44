// A PIN that a program writes to its standard output: a vault's client, systemd-creds, a keyring's.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "hsm/pin.h"

namespace hsm {

inline constexpr std::chrono::seconds kPinCommandTime{5};

// Runs `words` (an absolute path, then arguments), without a shell, with this process's
// environment, with nothing to read and its standard error thrown away: what it says there may hold
// the PIN. The whole group of processes is killed when it takes longer than `within` or writes too
// much. kKeyUnusable names the program and how it ended.
schema::Result<Pin> RunPinCommand(const std::vector<std::string>& words,
                                  std::chrono::milliseconds within = kPinCommandTime);

}  // namespace hsm
