// Reading rows that more than one reader needs.
#pragma once

#include <optional>

#include "ca/log/reader.h"
#include "ca/log/sqlite.h"
#include "ca/log/store.h"
#include "schema/log/merkle.h"

namespace ca {

inline constexpr const char* kDatabaseName = "chancery.db";

inline constexpr const char* kHashesSql = "SELECT hash FROM hash WHERE id>=? AND id<? ORDER BY id";
// Merkle hashes through a statement prepared from kHashesSql, which outlives the reader.
schema::merkle::HashReader ReadHashesThrough(sqlite::Statement& statement, std::int64_t shard);

inline constexpr const char* kTreeHeadSql =
    "SELECT timestamp, size, root, signature, note FROM tree_head WHERE shard=? "
    "ORDER BY timestamp DESC LIMIT 1";
// The newest tree head of a shard, if there is one, through a statement prepared from kTreeHeadSql.
schema::Result<std::optional<SignedTreeHead>> ReadTreeHead(sqlite::Statement& statement,
                                                           std::int64_t shard);

// Store::Shards.
schema::Result<std::vector<ShardRow>> ReadShards(sqlite::Connection& connection);
// The newest of each log.
ShardIds WrittenOf(const std::vector<ShardRow>& shards);
// The row id of an event as `issuance`, `certificate` and `unfinished` have it.
constexpr std::int64_t EventId(std::int64_t stored) {
  return ShardOf(stored) == 0 ? RowId(ShardIds().events, IndexOf(stored)) : stored;
}

// The certificate or precertificate kept in `column` of this row, whose entry's data is in `leaf`.
schema::Result<std::optional<schema::CertDer>> ReadCertificate(const sqlite::Statement& row,
                                                               int leaf, int column);
schema::Result<std::vector<IssuingCaRow>> ReadIssuingCas(sqlite::Connection& connection);

schema::Result<schema::Hash> ToHash(schema::BytesView bytes);
schema::Time FromSeconds(std::int64_t seconds);
schema::TimeMs FromMs(std::int64_t milliseconds);

}  // namespace ca
