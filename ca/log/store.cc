#include "ca/log/store.h"

#include "ca/log/kept.h"
#include "ca/log/lookup.h"
#include "ca/log/names.h"
#include "ca/log/place.h"
#include "ca/log/rows.h"
#include "ca/log/sqlite.h"
#include "schema/sql/migrations.h"

namespace ca {

using schema::Bytes;
using schema::CertDer;
using schema::Error;
using schema::Fault;
using schema::Hash;
using schema::Ok;
using schema::Outcome;
using schema::Result;
using schema::TimeMs;
using sqlite::Connection;
using sqlite::Statement;

const schema::ErrorKind kForked{"log-forked", Fault::kBusy,
                                "another process has written the log; the operator has to act"};

std::int64_t LeafPrefix(const Hash& leaf_hash) {
  std::uint64_t prefix = 0;
  for (int i = 0; i < 8; ++i) prefix = prefix << 8 | leaf_hash[static_cast<std::size_t>(i)];
  return static_cast<std::int64_t>(prefix);
}

namespace {

constexpr int kBusyMilliseconds = 250;  // how long a commit waits for another process's lock
// How many of the oldest spent tokens are looked at for each that enters, to delete what has
// expired: more than one, so that the table shrinks again after a rush. One that lives long holds
// up those behind it, for as long as a token may live.
constexpr std::size_t kForgetForEach = 16;
constexpr std::size_t kForgetAtOnce = 512;  // charges deleted in one transaction
constexpr std::chrono::hours kTreeHeadsKept{24};

std::int64_t Ms(TimeMs t) { return t.time_since_epoch().count(); }
std::int64_t Seconds(schema::Time t) { return t.time_since_epoch().count(); }

// FULL: a commit returns after its fsync. Checkpoints are made at times of our own choosing.
constexpr const char* kSettings =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
    "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768;"
    "PRAGMA journal_size_limit=67108864;";

Outcome Migrate(Connection& connection) {
  const auto migrations = schema::sql::Migrations();
  TRY(const std::int64_t version, connection.Ask("PRAGMA user_version"));
  if (version < 0 || version > static_cast<std::int64_t>(migrations.size())) {
    return Error{&sqlite::kBroken, "the store was written by a newer version"};
  }
  for (auto next = static_cast<std::size_t>(version); next < migrations.size(); ++next) {
    const std::string set = "PRAGMA user_version=" + std::to_string(next + 1) + ";";
    TRY(connection.Execute("BEGIN IMMEDIATE;" + std::string(migrations[next]) + set + "COMMIT;"));
  }
  return Ok();
}

class SqliteStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> Open(const std::filesystem::path& path,
                                             const std::string& vfs) {
    TRY(auto connection,
        Connection::Open(path,
                         {.write = true, .vfs = vfs, .busy_milliseconds = kBusyMilliseconds}));
    TRY(connection->Execute(kSettings));
    TRY(Migrate(*connection));
    // The rollback journal of the change to WAL mode, deleted but not for good, would come back
    // after a power cut and undo the database from its first page on.
    TRY(SyncDirectory(path.parent_path()));
    std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(connection)));
    TRY(store->PrepareAll());
    TRY(store->FindWritten());
    TRY(store->lookup_, Lookup::Open(*store->connection_));
    TRY(store->names_, Names::Open(*store->connection_));
    TRY(store->place_, Place::Of(path));
    return std::unique_ptr<Store>(std::move(store));
  }

  Result<std::vector<ShardRow>> Shards() override { return ReadShards(*connection_); }
  ShardIds written() const override { return written_; }

  Outcome OpenShard(LogName log, const NewShard& shard) override {
    TRY(Statement insert,
        connection_->Prepare("INSERT INTO shard SELECT coalesce(max(id), 0) + 1,?,?,?,?,?,?,? "
                             "FROM shard RETURNING id"));
    TRY(Statement tail, connection_->Prepare("INSERT INTO tail VALUES(?,0,?,?,0)"));
    const auto name = log == LogName::kCertificates ? "certificates" : "events";
    const Hash empty = schema::merkle::EmptyRoot();
    TRY(const std::vector<ShardRow> shards, Shards());
    // Times rise from shard to shard as they do within one.
    TimeMs time{};
    for (const ShardRow& before : shards) {
      if (before.log == log) time = before.time;
    }
    TRY(Begin());
    insert.Start(std::string_view(name), shard.name, shard.origin, schema::BytesView(shard.log_key),
                 schema::BytesView(shard.note_key), schema::BytesView(shard.issuer_key_hash),
                 Ms(shard.since));
    auto row = insert.Next();
    if (!row) return Abandon(std::move(row).error());
    const std::int64_t id = insert.Integer(0);
    auto done = insert.Run();
    if (done) done = tail.Start(id, empty, Ms(time)).Run();
    TRY(Commit(std::move(done)));
    return FindWritten();
  }

  Outcome KeepChain(const Hash& key_hash, const std::vector<CertDer>& certificates) override {
    Bytes chain;
    for (const CertDer& certificate : certificates) {
      chain.insert(chain.end(), certificate.bytes().begin(), certificate.bytes().end());
    }
    return KeepAbove("SELECT chain FROM issuer_chain WHERE key_hash=? ORDER BY first DESC LIMIT 1",
                     "INSERT OR REPLACE INTO issuer_chain(chain, first, key_hash) VALUES(?,?,?)",
                     chain, key_hash);
  }

  Outcome KeepSigner(const PrecertificateSigner& signer) override {
    return KeepAbove(
        "SELECT certificate FROM precertificate_signer WHERE subject=? AND key_id=? "
        "ORDER BY first DESC LIMIT 1",
        "INSERT OR REPLACE INTO precertificate_signer(certificate, first, subject, key_id) "
        "VALUES(?,?,?,?)",
        signer.certificate.view(), signer.subject.view(), schema::BytesView(signer.key_id));
  }

  Result<std::vector<IssuingCaRow>> IssuingCas() override { return ReadIssuingCas(*connection_); }

  Result<Tails> ReadTails() override {
    Tails tails;
    TRY(tails.certificates, ReadTail(LogName::kCertificates, &tails.settled));
    TRY(tails.events, ReadTail(LogName::kEvents, nullptr));
    return tails;
  }

  Result<std::vector<Hash>> ReadHashes(std::int64_t shard, int level, std::uint64_t first,
                                       std::size_t count) override {
    return ReadHashesThrough(*read_hashes_, shard)(level, first, count);
  }

  Result<std::optional<Bytes>> ReadData(LogName log, std::uint64_t index) override {
    TRY(const bool row, read_data_->Start(RowId(written_.Of(log), index)).Next());
    std::optional<Bytes> data;
    if (row) data = schema::ToBytes(read_data_->Blob(0));
    TRY(read_data_->Run());
    return data;
  }

  Result<std::vector<SpentRow>> FindSpent(const Hash& token) override {
    std::vector<SpentRow> rows;
    TRY(const std::vector<std::int64_t> ids, lookup_->FindToken(token));
    for (const std::int64_t id : ids) {
      TRY(const bool row, read_spent_->Start(id, token).Next());
      if (!row) continue;
      TRY(const Hash key_hash, ToHash(read_spent_->Blob(0)));
      rows.push_back({token, key_hash, id, FromSeconds(read_spent_->Integer(1))});
      TRY(read_spent_->Run());
    }
    return rows;
  }

  Result<std::optional<Charge>> FindCharge(const Hash& bucket, std::uint64_t number) override {
    TRY(const bool row, find_charge_->Start(bucket, number).Next());
    std::optional<Charge> charge;
    if (row) charge = {find_charge_->Unsigned(0), FromMs(find_charge_->Integer(1))};
    TRY(find_charge_->Run());
    return charge;
  }

  Result<bool> IsSeen(const Hash& id) override {
    TRY(const bool row, find_seen_->Start(id).Next());
    TRY(find_seen_->Run());
    return row;
  }

  Result<std::uint64_t> LastSeen(const Hash& scope) override {
    TRY(const bool row, last_seen_->Start(scope).Next());
    MUST(row);
    const std::uint64_t last = last_seen_->Unsigned(0);
    TRY(last_seen_->Run());
    return last;
  }

  Result<StoredEntry> ReadEntry(std::int64_t id) override {
    TRY(const bool row, read_entry_->Start(id).Next());
    if (!row) {
      return Error{&sqlite::kBroken, "entry " + std::to_string(IndexOf(id)) + " is missing"};
    }
    TRY(auto certificate, ReadCertificate(*read_entry_, 0, 2));
    StoredEntry entry{schema::ToBytes(read_entry_->Blob(0)), FromSeconds(read_entry_->Integer(1)),
                      std::move(certificate), !read_entry_->IsNull(3)};
    TRY(read_entry_->Run());
    return entry;
  }

  Result<std::vector<Unsigned>> WithoutPrecertificate(std::uint64_t first,
                                                      std::size_t count_max) override {
    TRY(Statement read,
        connection_->Prepare(
            "SELECT e.id, e.data, c.certificate FROM entry e LEFT JOIN certificate c USING(id) "
            "WHERE e.id >= ? AND e.id <= ? AND c.precertificate IS NULL "
            "ORDER BY e.id LIMIT ?"));
    std::vector<Unsigned> rows;
    read.Start(RowId(written_.certificates, first), RowId(written_.certificates, kIndexMax),
               static_cast<std::uint64_t>(count_max));
    while (true) {
      TRY(const bool row, read.Next());
      if (!row) return rows;
      TRY(auto certificate, ReadCertificate(read, 1, 2));
      rows.push_back(
          {IndexOf(read.Integer(0)), schema::ToBytes(read.Blob(1)), std::move(certificate)});
    }
  }

  Outcome Begin() override { return begin_->Start().Run(); }

  Outcome Cancel() override { return cancel_->Start().Run(); }

  Outcome Append(const Batch& batch) override {
    if (!connection_->InTransaction()) TRY(Begin());
    return Commit(Write(batch));
  }

  // SQLite does not write what an UPDATE leaves as it was, so the value goes there and back.
  Outcome Probe() override {
    TRY(Begin());
    return Commit(connection_->Execute(
        "UPDATE tail SET settled=settled+1; UPDATE tail SET settled=settled-1"));
  }

  Outcome Checkpoint() override {
    TRY(place_->Check());
    TRY([[maybe_unused]] const sqlite::WalState wal, connection_->Checkpoint());
    return Ok();
  }

 private:
  explicit SqliteStore(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)) {}

  Outcome PrepareAll();
  Outcome FindWritten() {
    TRY(const std::vector<ShardRow> shards, Shards());
    written_ = WrittenOf(shards);
    return Ok();
  }
  Outcome RefuseTwin(const std::string& serial);
  Outcome Write(const Batch& batch);
  Outcome WriteTree(const Batch& batch);
  Outcome WriteIssuances(const Batch& batch);
  Outcome WriteOnce(const Batch& batch);
  Outcome WriteCertificates(const Batch& batch);
  Outcome WriteTreeHeads(const Batch& batch);

  Result<Tail> ReadTail(LogName log, std::uint64_t* settled) {
    TRY(const bool row, read_tail_->Start(written_.Of(log)).Next());
    if (!row) return Error{&sqlite::kBroken, "a tail is missing"};
    Tail tail;
    tail.size = read_tail_->Unsigned(0);
    TRY(tail.root, ToHash(read_tail_->Blob(1)));
    tail.time = FromMs(read_tail_->Integer(2));
    if (settled != nullptr) *settled = read_tail_->Unsigned(3);
    TRY(read_tail_->Run());
    return tail;
  }

  // Writes `value` under `key` for entries that come, or for all when there is none of this key.
  template <class... Key>
  Outcome KeepAbove(const char* newest_sql, const char* write_sql, schema::BytesView value,
                    const Key&... key) {
    TRY(Statement newest, connection_->Prepare(newest_sql));
    TRY(Statement write, connection_->Prepare(write_sql));
    TRY(const bool row, newest.Start(key...).Next());
    if (row && schema::Equal(newest.Blob(0), value)) return Ok();
    std::int64_t first = 0;
    if (row) {
      TRY(const Tail tail, ReadTail(LogName::kCertificates, nullptr));
      first = RowId(written_.certificates, tail.size);
    }
    TRY(newest.Run());
    return write.Start(value, first, key...).Run();
  }

  Outcome WriteTail(LogName log, const Tail& tail, std::uint64_t settled) {
    return write_tail_->Start(tail.size, tail.root, Ms(tail.time), settled, written_.Of(log)).Run();
  }

  // Ends the transaction in which this was written, or could not be.
  Outcome Commit(Outcome written) {
    if (written) written = commit_->Start().Run();
    if (!written) return Abandon(std::move(written).error());
    return place_->Check();
  }

  // Keeps the first error: a rollback that fails as well adds nothing, the caller opens anew.
  Error Abandon(Error error) {
    if (connection_->InTransaction()) static_cast<void>(connection_->Execute("ROLLBACK"));
    if (lookup_ != nullptr) static_cast<void>(lookup_->Load());
    if (names_ != nullptr) names_->Clear();
    return error;
  }

  // The statements are destroyed before their connection.
  std::unique_ptr<Connection> connection_;
  std::optional<Statement> begin_, commit_, cancel_, read_tail_, write_tail_, read_hashes_,
      read_data_, read_spent_, read_serial_, find_charge_, find_seen_, last_seen_, write_charge_,
      forget_charges_, write_seen_, drop_seen_, read_entry_, write_entry_, write_hash_,
      write_issuance_, write_spent_, forget_, write_certificate_, write_unfinished_,
      write_tree_head_, drop_tree_heads_, write_issuing_ca_, write_settled_;
  std::unique_ptr<Lookup> lookup_;
  std::unique_ptr<Names> names_;
  std::optional<Place> place_;
  ShardIds written_;
};

Outcome SqliteStore::PrepareAll() {
  const std::pair<std::optional<Statement>*, const char*> kTexts[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&cancel_, "ROLLBACK"},
      {&read_tail_, "SELECT size, root, time, settled FROM tail WHERE shard=?"},
      {&write_tail_, "UPDATE tail SET size=?, root=?, time=?, settled=? WHERE shard=?"},
      {&read_hashes_, kHashesSql},
      {&read_data_, "SELECT data FROM entry WHERE id=?"},
      {&read_spent_, "SELECT key_hash, expires FROM spent WHERE entry=? AND token=?"},
      {&read_serial_, "SELECT serial FROM issuance WHERE id=?"},
      {&read_entry_,
       "SELECT e.data, i.not_after, c.certificate, c.precertificate FROM entry e "
       "JOIN issuance i USING(id) LEFT JOIN certificate c USING(id) WHERE e.id=?"},
      {&write_entry_, "INSERT INTO entry VALUES(?,?)"},
      {&write_hash_, "INSERT INTO hash VALUES(?,?)"},
      {&write_issuance_, "INSERT INTO issuance VALUES(?,?,?,?,?,?,?,?,?,?,?)"},
      {&write_spent_, "INSERT INTO spent(token, key_hash, entry, expires) VALUES(?,?,?,?)"},
      {&find_charge_,
       "SELECT number, at FROM charge WHERE bucket=? AND number<=? ORDER BY number DESC LIMIT 1"},
      {&find_seen_, "SELECT 1 FROM seen WHERE id=?"},
      {&last_seen_, "SELECT coalesce(max(number), 0) FROM seen WHERE scope=?"},
      {&write_charge_, "INSERT INTO charge VALUES(?,?,?,?,?)"},
      {&forget_charges_,
       "DELETE FROM charge WHERE (bucket, number) IN "
       "(SELECT bucket, number FROM charge WHERE expires < ? LIMIT ?)"},
      {&write_seen_, "INSERT INTO seen VALUES(?,?,?,?)"},
      {&drop_seen_, "DELETE FROM seen WHERE scope=? AND number<=?"},
      {&forget_,
       "DELETE FROM spent WHERE entry IN (SELECT entry FROM "
       "(SELECT entry, expires FROM spent ORDER BY entry LIMIT ?) WHERE expires < ?)"},
      {&write_certificate_,
       "INSERT INTO certificate VALUES(?1,?2,?3,?4) ON CONFLICT(id) DO UPDATE SET "
       "certificate=coalesce(certificate,?2), precertificate=coalesce(precertificate,?3), "
       "issued=coalesce(issued,?4)"},
      {&write_unfinished_, "INSERT INTO unfinished VALUES(?,?)"},
      {&write_tree_head_, "INSERT INTO tree_head VALUES(?,?,?,?,?,?)"},
      {&drop_tree_heads_, "DELETE FROM tree_head WHERE shard=? AND timestamp<?"},
      {&write_settled_, "UPDATE tail SET settled=? WHERE shard=?"},
      {&write_issuing_ca_,
       "INSERT INTO issuing_ca VALUES(?1,?2,?3,?4) ON CONFLICT(key_hash) DO UPDATE SET "
       "name=?2, state=?3, first=coalesce(first,?4)"},
  };
  for (const auto& [statement, sql] : kTexts) {
    TRY(*statement, connection_->Prepare(sql));
  }
  return Ok();
}

Outcome SqliteStore::Write(const Batch& batch) {
  TRY(const Tails found, ReadTails());
  if (found != batch.before) {
    return Error{&kForked, "the store has " + std::to_string(found.certificates.size) + " and " +
                               std::to_string(found.events.size) + " entries, this process left " +
                               std::to_string(batch.before.certificates.size) + " and " +
                               std::to_string(batch.before.events.size)};
  }
  TRY(WriteTree(batch));
  TRY(WriteIssuances(batch));
  TRY(WriteOnce(batch));
  TRY(WriteCertificates(batch));
  TRY(WriteTreeHeads(batch));
  for (const IssuingCaRow& row : batch.issuing_cas) {
    TRY(write_issuing_ca_->Start(row.key_hash, row.name, row.state, row.first).Run());
    TRY(KeepChain(row.key_hash, row.certificates));
  }
  TRY(lookup_->Merge(batch.after.certificates.size));
  TRY(WriteTail(LogName::kCertificates, batch.after.certificates, batch.after.settled));
  return WriteTail(LogName::kEvents, batch.after.events, 0);
}

Outcome SqliteStore::WriteTree(const Batch& batch) {
  for (const EntryRow& row : batch.entries) {
    TRY(write_entry_->Start(RowId(written_.Of(row.log), row.index), schema::BytesView(row.data))
            .Run());
  }
  for (const HashRow& row : batch.hashes) {
    const std::int64_t id = HashId(written_.Of(row.log), row.stored.level, row.stored.index);
    TRY(write_hash_->Start(id, row.stored.hash).Run());
  }
  return Ok();
}

// Of 159 random bits: a serial that repeats is a broken generator, found here or never.
Outcome SqliteStore::RefuseTwin(const std::string& serial) {
  TRY(const std::vector<std::int64_t> ids, lookup_->FindSerial(serial));
  for (const std::int64_t id : ids) {
    TRY(const bool row, read_serial_->Start(id).Next());
    const bool twin = row && read_serial_->Text(0) == serial;
    TRY(read_serial_->Run());
    if (twin) {
      return Error{&sqlite::kBroken, "the serial is that of entry " + std::to_string(IndexOf(id))};
    }
  }
  return Ok();
}

Outcome SqliteStore::WriteIssuances(const Batch& batch) {
  for (const IssuanceRecord& row : batch.issuances) {
    const std::int64_t id = RowId(written_.certificates, row.index);
    TRY(RefuseTwin(row.serial));
    TRY(lookup_->AddLeaf(row.leaf, id));
    TRY(lookup_->AddSerial(row.serial, id));
    TRY(const std::int64_t san, names_->IdOf(row.san));
    TRY(const std::int64_t issuer, names_->IdOf(row.issuer));
    TRY(const std::int64_t subject, names_->IdOf(row.subject));
    TRY(write_issuance_
            ->Start(id, row.leaf, row.serial, san, issuer, subject, row.request_id,
                    Seconds(row.not_before), Seconds(row.not_after), Ms(row.logged),
                    RowId(written_.events, row.granted))
            .Run());
  }
  return Ok();
}

Outcome SqliteStore::WriteOnce(const Batch& batch) {
  for (const SpentRow& row : batch.spent) {
    TRY(lookup_->AddToken(row.token, row.entry));
    TRY(write_spent_->Start(row.token, row.key_hash, row.entry, Seconds(row.expires)).Run());
  }
  if (batch.forget) {
    const std::uint64_t count = kForgetForEach * batch.spent.size();
    TRY(forget_->Start(count, Seconds(*batch.forget)).Run());
  }
  for (const ChargeRow& row : batch.charges) {
    const std::int64_t entry = RowId(written_.certificates, row.index);
    TRY(write_charge_->Start(row.bucket, row.number, entry, Ms(row.at), Seconds(row.expires))
            .Run());
  }
  if (batch.forget && !batch.charges.empty()) {
    TRY(forget_charges_->Start(Seconds(*batch.forget), std::uint64_t{kForgetAtOnce}).Run());
  }
  for (const SeenRow& row : batch.seen) {
    const std::int64_t entry = RowId(written_.certificates, row.index);
    TRY(write_seen_->Start(row.id, row.scope, row.number, entry).Run());
    if (row.number > kSeenMax) TRY(drop_seen_->Start(row.scope, row.number - kSeenMax).Run());
  }
  return Ok();
}

Outcome SqliteStore::WriteCertificates(const Batch& batch) {
  for (const CertificateRow& row : batch.certificates) {
    const std::int64_t id = RowId(written_.certificates, row.index);
    TRY(const bool entry, read_data_->Start(id).Next());
    const schema::BytesView leaf = entry ? read_data_->Blob(0) : schema::BytesView();
    // NULL is what coalesce passes over.
    const auto part = [&](schema::BytesView der) {
      return der.empty() ? std::nullopt : std::optional(Keep(leaf, der));
    };
    const std::optional<Bytes> certificate = part(row.certificate);
    const std::optional<Bytes> precertificate = part(row.precertificate);
    read_data_->Stop();
    std::optional<std::int64_t> issued;
    if (row.issued) issued = RowId(written_.events, *row.issued);
    TRY(write_certificate_->Start(id, certificate, precertificate, issued).Run());
  }
  for (const UnfinishedRow& row : batch.unfinished) {
    TRY(write_unfinished_->Start(row.entry, RowId(written_.events, row.event)).Run());
  }
  for (const SettledRow& row : batch.closed_settled) {
    TRY(write_settled_->Start(row.settled, row.shard).Run());
  }
  return Ok();
}

Outcome SqliteStore::WriteTreeHeads(const Batch& batch) {
  for (const TreeHeadRow& row : batch.tree_heads) {
    const schema::TreeHead& head = row.head.head;
    TRY(write_tree_head_
            ->Start(written_.Of(row.log), Ms(head.timestamp), head.size, head.root,
                    row.head.signature.view(), row.head.checkpoint)
            .Run());
    TRY(drop_tree_heads_->Start(written_.Of(row.log), Ms(head.timestamp - kTreeHeadsKept)).Run());
  }
  return Ok();
}

}  // namespace

Result<std::unique_ptr<Store>> OpenStore(const std::filesystem::path& path,
                                         const std::string& vfs) {
  return SqliteStore::Open(path, vfs);
}

}  // namespace ca
