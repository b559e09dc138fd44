// Keeps a wrong PIN from being tried more than once: tokens count tries and lock themselves.
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>

#include "hsm/pin.h"

namespace hsm {

// One for each token and PIN source. A lane holds the turn from before it starts a signer until
// that signer has said whether the PIN was taken, so that no two try the same PIN at once.
class LoginGate {
 public:
  // An empty path: no PIN, never blocked. `state`: where an earlier run's refusal is remembered.
  LoginGate(std::filesystem::path pin_file, const std::filesystem::path& state)
      : pin_file_(std::move(pin_file)) {
    if (!pin_file_.empty()) refused_ = RecallRefusedPin(state, pin_file_);
  }

  using Lock = std::unique_lock<std::timed_mutex>;
  // Perhaps not held: then another one's start or login took longer than `patience`.
  Lock Turn(std::chrono::milliseconds patience) { return Lock(mutex_, patience); }

  // The rest: while holding the turn. Blocked: the PIN file still has the content that was
  // refused.
  bool Blocked() const { return refused_.has_value() && LookAtPin(pin_file_) == refused_; }
  void Refused(const PinSource& tried) { refused_ = tried; }

 private:
  const std::filesystem::path pin_file_;
  std::timed_mutex mutex_;
  std::optional<PinSource> refused_;  // guarded by mutex_
};

}  // namespace hsm
