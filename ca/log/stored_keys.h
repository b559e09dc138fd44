// The shards and keys of a state directory, for commands that run beside the server or after it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ca/log/log.h"
#include "ca/log/store.h"
#include "schema/config.h"

namespace ca {

// Store::Shards. kBadState when the directory has no log yet.
schema::Result<std::vector<ShardRow>> StoredShards(const std::filesystem::path& state);
// Of this shard of the certificates log; empty: of the configured one. kBadState when the directory
// has no such shard.
schema::Result<LogKeys> StoredLogKeys(const schema::Config& config, const std::string& shard = "");

}  // namespace ca
