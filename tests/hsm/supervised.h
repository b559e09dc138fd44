// A supervisor of signers as a process of its own, and the configuration that both sides read.
#pragma once

#include <sys/types.h>

#include <string>

#include "tests/hsm/rig.h"

namespace tests {

// Lines of `hsm` for a state whose signers are a supervisor's, had by this user or by `front`.
std::string SupervisedBy(const support::TempDirectory& place, std::string front = "");

class Supervisor {
 public:
  // Starts, and waits until it listens at place/socket. What it says is in place/journal.
  Supervisor(const support::HsmState& state, const support::TempDirectory& place);
  ~Supervisor() { Kill(); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void Start();
  void Kill();  // SIGKILL, and waits
  int Stop();   // SIGTERM; the exit code
  pid_t pid() const { return pid_; }
  std::string Said() const;                // its journal so far
  bool Says(std::string_view text) const;  // waits for it

 private:
  const std::string config_, socket_, journal_;
  pid_t pid_ = 0;
};

}  // namespace tests
