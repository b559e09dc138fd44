// Keeps a wrong PIN from being tried more than once: tokens count tries and lock themselves.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>

#include "hsm/channel.h"
#include "hsm/pin_memory.h"
#include "schema/base/time.h"

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
  // `state`: where an earlier run's refusal is remembered. `entered`: of a prompt, the file of the
  // answer (pin_prompt.h).
  LoginGate(PinSource source, const std::filesystem::path& state, Descriptor entered = {})
      : source_(std::move(source)), entered_(std::move(entered)) {
    if (source_.kind == PinKind::kFile) refused_ = RecallRefusedPin(state, source_);
  }
  int entered() const { return entered_.get(); }

  using Lock = std::unique_lock<TurnMutex>;
  // Perhaps not held: then another one's start or login took longer than `patience`.
  Lock Turn(std::chrono::milliseconds patience) { return Lock(turn_, patience); }

  // The rest: while holding the turn. Blocked: the PIN file still has the content that was
  // refused. What other sources have now only a signer can find out, which remembers the refusal
  // and tries nothing twice; it is not asked more often than every kLookAgain.
  bool Blocked() const {
    if (!refused_) return false;
    if (source_.kind == PinKind::kFile) return LookAtPin(source_.file) == refused_;
    return schema::Steady::now() < refused_at_ + kLookAgain;
  }
  void Refused(const PinTried& tried) {
    refused_ = tried;
    refused_at_ = schema::Steady::now();
  }

 private:
  static constexpr std::chrono::seconds kLookAgain{10};

  const PinSource source_;
  const Descriptor entered_;
  TurnMutex turn_;
  std::optional<PinTried> refused_;          // guarded by turn_
  schema::Steady::time_point refused_at_{};  // guarded by turn_
};

}  // namespace hsm
