// The state directory: one process at a time, and the store of this configuration.
#pragma once

#include <filesystem>
#include <memory>

#include "ca/log/log.h"
#include "ca/log/store.h"
#include "hsm/custody.h"
#include "schema/config.h"

namespace ca {

// Held until destroyed.
class StateLock {
 public:
  // Makes the directory. kBadState when another process holds the lock.
  static schema::Result<StateLock> Take(const std::filesystem::path& state);
  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&& other) = delete;
  ~StateLock();

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_;
};

// The log's identity: stored by the first run, compared by every other. kBadState names the setting
// that differs. Every issuing CA that the store knows is among `issuers`: its certificates are
// verified for ever.
schema::Result<LogKeys> CheckIdentity(Store& store, const schema::Config& config,
                                      const std::vector<schema::Hash>& issuers,
                                      const hsm::KeyFacts& facts, schema::TimeMs now);

}  // namespace ca
