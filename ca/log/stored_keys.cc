#include "ca/log/stored_keys.h"

#include "ca/log/rows.h"
#include "ca/log/sqlite.h"
#include "ca/log/state.h"

namespace ca {

using schema::Error;
using schema::Result;

Result<std::vector<ShardRow>> StoredShards(const std::filesystem::path& state) {
  const std::filesystem::path path = state / kDatabaseName;
  auto connection =
      sqlite::Connection::Open(path, {.write = false, .vfs = "", .busy_milliseconds = 1000});
  if (!connection) return Error{&kBadState, path.string() + ": " + connection.error().detail};
  TRY(std::vector<ShardRow> shards, ReadShards(**connection));
  if (shards.empty()) return Error{&kBadState, path.string() + " holds no log yet"};
  return shards;
}

Result<LogKeys> StoredLogKeys(const schema::Config& config, const std::string& shard) {
  TRY(const std::vector<ShardRow> shards, StoredShards(config.state));
  const std::string& wanted = shard.empty() ? config.log.certificates.shard : shard;
  auto keys = LogKeysOf(shards, wanted, config.log.events.shard);
  if (keys) return keys;
  return Error{&kBadState, (config.state / kDatabaseName).string() + ": " + keys.error().detail};
}

}  // namespace ca
