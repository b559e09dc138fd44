#include "ca/log/stored_keys.h"

#include "ca/log/rows.h"
#include "ca/log/sqlite.h"

namespace ca {

using schema::Error;
using schema::Result;

namespace {

Result<std::unique_ptr<sqlite::Connection>> OpenStored(const std::filesystem::path& path) {
  auto connection =
      sqlite::Connection::Open(path, {.write = false, .vfs = "", .busy_milliseconds = 1000});
  if (!connection) return Error{&kBadState, path.string() + ": " + connection.error().detail};
  return connection;
}

}  // namespace

Result<LogKeys> StoredLogKeys(const schema::Config& config) {
  const std::filesystem::path path = config.state / kDatabaseName;
  TRY(const auto connection, OpenStored(path));
  TRY(sqlite::Statement rows,
      connection->Prepare("SELECT name, log_key, note_key, since FROM shard ORDER BY id"));
  LogKeys keys;
  const schema::ShardSettings* wanted[] = {&config.log.certificates, &config.log.events};
  for (const auto* shard : wanted) {
    TRY(const bool found, rows.Next());
    if (!found || rows.Text(0) != shard->shard) {
      return Error{&kBadState, path.string() + " does not hold shard " + shard->shard};
    }
    if (shard == wanted[0]) {
      keys.log_key = schema::SpkiDer(schema::ToBytes(rows.Blob(1)));
      keys.log_id = schema::Sha256(keys.log_key.view());
      keys.certificates_note_key = schema::ToBytes(rows.Blob(2));
      keys.since = FromMs(rows.Integer(3));
    } else {
      keys.events_note_key = schema::ToBytes(rows.Blob(2));
    }
  }
  return keys;
}

Result<StoredShards> ReadStoredShards(const std::filesystem::path& state) {
  const std::filesystem::path path = state / kDatabaseName;
  TRY(const auto connection, OpenStored(path));
  TRY(sqlite::Statement read, connection->Prepare("SELECT name, origin FROM shard WHERE id=?"));
  StoredShards shards;
  for (const auto& [log, shard] : {std::pair{LogName::kCertificates, &shards.certificates},
                                   std::pair{LogName::kEvents, &shards.events}}) {
    TRY(const bool found, read.Start(ShardId(log)).Next());
    if (!found) return Error{&kBadState, path.string() + " holds no log yet"};
    *shard = {std::string(read.Text(0)), std::string(read.Text(1))};
  }
  return shards;
}

}  // namespace ca
