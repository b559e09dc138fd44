#include "ca/log/rows.h"

#include "ca/log/kept.h"

namespace ca {

using schema::Error;
using schema::Hash;
using schema::Result;

Result<std::optional<schema::CertDer>> ReadCertificate(const sqlite::Statement& row, int leaf,
                                                       int column) {
  if (row.IsNull(column)) return std::optional<schema::CertDer>();
  TRY(schema::CertDer certificate, Restore(row.Blob(leaf), row.Blob(column)));
  return std::optional(std::move(certificate));
}

Result<std::vector<IssuingCaRow>> ReadIssuingCas(sqlite::Connection& connection) {
  TRY(sqlite::Statement read,
      connection.Prepare("SELECT key_hash, name, state, first FROM issuing_ca "
                         "ORDER BY rowid"));
  std::vector<IssuingCaRow> rows;
  while (true) {
    TRY(const bool row, read.Next());
    if (!row) return rows;
    TRY(const schema::Hash key_hash, ToHash(read.Blob(0)));
    IssuingCaRow ca{key_hash, std::string(read.Text(1)), std::string(read.Text(2))};
    if (!read.IsNull(3)) ca.first = read.Integer(3);
    rows.push_back(std::move(ca));
  }
}

Result<std::vector<ShardRow>> ReadShards(sqlite::Connection& connection) {
  TRY(sqlite::Statement read,
      connection.Prepare(
          "SELECT s.id, s.log='certificates', s.name, s.origin, s.log_key, s.note_key, "
          "s.issuer_key_hash, s.since, t.size, t.settled, t.time, "
          "(SELECT max(size) FROM tree_head h WHERE h.shard=s.id) "
          "FROM shard s JOIN tail t ON t.shard=s.id ORDER BY s.id"));
  std::vector<ShardRow> rows;
  while (true) {
    TRY(const bool row, read.Next());
    if (!row) return rows;
    ShardRow& shard = rows.emplace_back();
    shard.id = read.Integer(0);
    shard.log = read.Integer(1) != 0 ? LogName::kCertificates : LogName::kEvents;
    shard.name = std::string(read.Text(2));
    shard.origin = std::string(read.Text(3));
    shard.log_key = schema::ToBytes(read.Blob(4));
    shard.note_key = schema::ToBytes(read.Blob(5));
    shard.issuer_key_hash = schema::ToBytes(read.Blob(6));
    shard.since = FromMs(read.Integer(7));
    shard.size = read.Unsigned(8);
    shard.settled = read.Unsigned(9);
    shard.time = FromMs(read.Integer(10));
    if (!read.IsNull(11)) shard.published = read.Unsigned(11);
  }
}

ShardIds WrittenOf(const std::vector<ShardRow>& shards) {
  ShardIds ids;
  for (const ShardRow& shard : shards) {
    (shard.log == LogName::kCertificates ? ids.certificates : ids.events) = shard.id;
  }
  return ids;
}

Result<Hash> ToHash(schema::BytesView bytes) {
  Hash hash;
  if (bytes.size() != hash.size()) return Error{&sqlite::kBroken, "a hash is not 32 octets"};
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}
schema::Time FromSeconds(std::int64_t seconds) {
  return schema::Time(std::chrono::seconds(seconds));
}
schema::TimeMs FromMs(std::int64_t milliseconds) {
  return schema::TimeMs(std::chrono::milliseconds(milliseconds));
}

schema::merkle::HashReader ReadHashesThrough(sqlite::Statement& statement, std::int64_t shard) {
  return [&statement, shard](int level, std::uint64_t first,
                             std::size_t count) -> Result<std::vector<Hash>> {
    std::vector<Hash> hashes;
    hashes.reserve(count);
    const std::int64_t id = HashId(shard, level, first);
    statement.Start(id, id + static_cast<std::int64_t>(count));
    while (true) {
      TRY(const bool row, statement.Next());
      if (!row) break;
      TRY(hashes.emplace_back(), ToHash(statement.Blob(0)));
    }
    if (hashes.size() != count) return Error{&sqlite::kBroken, "a Merkle hash is missing"};
    return hashes;
  };
}

Result<std::optional<SignedTreeHead>> ReadTreeHead(sqlite::Statement& statement,
                                                   std::int64_t shard) {
  TRY(const bool row, statement.Start(shard).Next());
  std::optional<SignedTreeHead> head;
  if (row) {
    head.emplace();
    head->head.timestamp = FromMs(statement.Integer(0));
    head->head.size = statement.Unsigned(1);
    TRY(head->head.root, ToHash(statement.Blob(2)));
    head->signature = schema::Signature(schema::ToBytes(statement.Blob(3)));
    head->checkpoint = std::string(statement.Text(4));
  }
  TRY(statement.Run());
  return head;
}

}  // namespace ca
