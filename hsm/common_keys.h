// What the tokens of one role have in common: their public keys.
#pragma once

#include <mutex>
#include <optional>

#include "hsm/custody.h"

namespace hsm {

// Thread-safe.
class CommonKeys {
 public:
  // Whether a signer has the keys of the first one that was asked about.
  bool Agree(const KeyFacts& facts) {
    const std::lock_guard lock(mutex_);
    if (!keys_) keys_ = facts;
    return keys_->issuing == facts.issuing && keys_->log == facts.log &&
           keys_->precertificate == facts.precertificate && keys_->timestamp == facts.timestamp &&
           keys_->certificates_note == facts.certificates_note &&
           keys_->events_note == facts.events_note;
  }

 private:
  std::mutex mutex_;
  std::optional<KeyFacts> keys_;  // guarded by mutex_
};

}  // namespace hsm
