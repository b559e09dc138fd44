#include "ca/log/stored_keys.h"

#include "ca/log/rows.h"
#include "ca/log/sqlite.h"

namespace ca {

using schema::Error;
using schema::Result;

Result<LogKeys> StoredLogKeys(const schema::Config& config) {
  const std::filesystem::path path = config.state / kDatabaseName;
  auto connection =
      sqlite::Connection::Open(path, {.write = false, .vfs = "", .busy_milliseconds = 1000});
  if (!connection) return Error{&kBadState, path.string() + ": " + connection.error().detail};
  TRY(sqlite::Statement rows,
      (*connection)->Prepare("SELECT name, log_key, note_key, since FROM shard ORDER BY id"));
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

}  // namespace ca
