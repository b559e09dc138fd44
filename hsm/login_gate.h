// Keeps a wrong PIN from being tried more than once: tokens count tries and lock themselves.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>

#include "hsm/pin.h"

namespace hsm {

// A mutex that can be waited for with patience. Not std::timed_mutex: clang 14's ThreadSanitizer
// does not see its lock by time, and takes the unlock for an error.
class TurnMutex {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [this] { return !taken_; });
    taken_ = true;
  }
  bool try_lock_for(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!free_.wait_for(lock, patience, [this] { return !taken_; })) return false;
    taken_ = true;
    return true;
  }
  void unlock() {
    const std::lock_guard lock(mutex_);
    taken_ = false;
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;  // guarded by mutex_
};

// One for each token and PIN source. A lane holds the turn from before it starts a signer until
// that signer has said whether the PIN was taken, so that no two try the same PIN at once.
class LoginGate {
 public:
  // An empty path: no PIN, never blocked. `state`: where an earlier run's refusal is remembered.
  LoginGate(std::filesystem::path pin_file, const std::filesystem::path& state)
      : pin_file_(std::move(pin_file)) {
    if (!pin_file_.empty()) refused_ = RecallRefusedPin(state, pin_file_);
  }

  using Lock = std::unique_lock<TurnMutex>;
  // Perhaps not held: then another one's start or login took longer than `patience`.
  Lock Turn(std::chrono::milliseconds patience) { return Lock(turn_, patience); }

  // The rest: while holding the turn. Blocked: the PIN file still has the content that was
  // refused.
  bool Blocked() const { return refused_.has_value() && LookAtPin(pin_file_) == refused_; }
  void Refused(const PinSource& tried) { refused_ = tried; }

 private:
  const std::filesystem::path pin_file_;
  TurnMutex turn_;
  std::optional<PinSource> refused_;  // guarded by turn_
};

}  // namespace hsm
