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

struct Opening {
  LogName log;
  NewShard shard;
};
// The log's identity: stored by the first run, compared by every other. kBadState names the setting
// that differs. A shard of another name may be opened behind the one before if its origin and keys
// are new, and the last checkpoint of that one covers all its entries. Every issuing CA that the
// store knows is among `issuers`: its certificates are verified for ever. Returns what the caller
// is to open, in this order; writes nothing. `shards`: Store::Shards.
schema::Result<std::vector<Opening>> CheckIdentity(Store& store,
                                                   const std::vector<ShardRow>& shards,
                                                   const schema::Config& config,
                                                   const std::vector<schema::Hash>& issuers,
                                                   const hsm::KeyFacts& facts, schema::TimeMs now);

// Of the shards of these names. kBadState: there is no such shard.
schema::Result<LogKeys> LogKeysOf(const std::vector<ShardRow>& shards,
                                  const std::string& certificates, const std::string& events);

}  // namespace ca
