// The keys of a state directory, for commands that run beside the server or after it.
#pragma once

#include "ca/log/log.h"
#include "schema/config.h"

namespace ca {

// kBadState when the directory has no log yet, or its shard is not the configured one.
schema::Result<LogKeys> StoredLogKeys(const schema::Config& config);

struct StoredShard {
  std::string name, origin;
};
struct StoredShards {
  StoredShard certificates, events;
};
// What the directory says of itself. kBadState when it has no log yet.
schema::Result<StoredShards> ReadStoredShards(const std::filesystem::path& state);

}  // namespace ca
