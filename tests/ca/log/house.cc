#include "tests/ca/log/house.h"

#include <cstdlib>

#include "ca/linted.h"
#include "ca/log/rows.h"
#include "ca/log/sqlite.h"
#include "ca/profile.h"
#include "schema/base/json.h"
#include "schema/base/limits.h"
#include "schema/log/checkpoint.h"
#include "schema/log/merkle.h"
#include "tests/support/test_ca.h"

namespace log_test {

using schema::Outcome;
using schema::Result;

namespace {

std::filesystem::path MakeTempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "chancery-log-XXXXXX").string();
  MUST(mkdtemp(name.data()) != nullptr);
  return name;
}

ca::Chain MakeChain(support::FakeCustody& custody) {
  auto chain = ca::LoadChain(support::ChainPemFor(custody.issuing_key()), support::kNow);
  MUST(chain);
  return *std::move(chain);
}

ca::SubjectKey MakeSubjectKey() {
  const schema::OwnedKey key = support::MakeKey("P-256");
  const schema::SpkiDer spki = support::SpkiOf(key.get());
  ca::KeyRequest request;
  request.public_key = std::string(schema::AsText(spki.view()));
  request.proof = support::SignWith(key.get(), "SHA256", schema::AsBytes("subject"));
  auto subject = ca::CheckRequest(request, "subject");
  MUST(subject);
  return *std::move(subject);
}

schema::Config MakeConfig(const std::filesystem::path& directory) {
  schema::Config config{};
  config.directory = directory;
  config.state = directory / "state";
  config.log.certificates = {"2026",
                             "ca.example.org/2026",
                             {{"default", "file:log.key", "log.certificates.key"}},
                             "file:note.key"};
  config.log.events = {"2026", "ca.example.org/events/2026", {}, "file:events.key"};
  config.log.checkpoint = std::chrono::milliseconds(20);
  config.log.precertificate_backlog = 10000;
  return config;
}

}  // namespace

TempDir::TempDir() : path_(MakeTempDir()) {}
TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ca::EventText Event(const schema::Json& event) {
  auto text = ca::EventText::Make(event);
  MUST(text);
  return *std::move(text);
}

schema::Hash HashOf(std::string_view text) { return schema::Sha256(schema::AsBytes(text)); }

House::House()
    : clock(support::kNow),
      chain(MakeChain(custody)),
      config(MakeConfig(directory.path())),
      subject_key_(MakeSubjectKey()) {}

Outcome House::Open() {
  log_.reset();
  TRY(log_, ca::Log::Open(config, chain, custody, clock, journal, {}, watchers, sender));
  return schema::Ok();
}

Outcome House::OpenWith(const ca::StoreAt& open) {
  log_.reset();
  const std::vector<schema::Hash> others;
  TRY(log_, ca::OpenLog({config, chain, custody, clock, journal, others, watchers, sender}, open));
  return schema::Ok();
}

ca::Grant House::MakeGrant(const std::string& token, const std::string& key) {
  return MakeGrantFor("https://ci.example/team/app/.build.yml@refs/heads/main", token, key);
}

ca::Grant House::MakeGrantFor(const std::string& san, const std::string& token,
                              const std::string& key) {
  schema::Identity identity;
  identity.issuer = "https://token.example";
  identity.issuer_type = "uri";
  identity.subject = "subject";
  identity.san = {schema::San::Kind::kUri, san};
  identity.proof_message = "subject";
  identity.extensions = {{1, identity.issuer}, {8, identity.issuer}};
  const auto serial = ca::RandomSerial();
  MUST(serial);
  auto tbs = ca::MakeTbs(chain, {std::chrono::minutes(10), std::chrono::seconds(30)}, identity,
                         subject_key_, *serial, schema::ToSeconds(clock.Now()));
  if (!tbs) std::fprintf(stderr, "%s\n", tbs.error().Describe().c_str());
  MUST(tbs);
  auto linted = ca::Lint(*std::move(tbs), chain);
  if (!linted) std::fprintf(stderr, "%s\n", linted.error().Describe().c_str());
  MUST(linted);
  std::optional<schema::Hash> token_id;
  if (!token.empty()) token_id = HashOf(token);
  return ca::Grant{*std::move(linted),
                   chain.key_hash,
                   token_id,
                   schema::ToSeconds(clock.Now()) + std::chrono::minutes(5),
                   HashOf(key),
                   san,
                   identity.issuer,
                   identity.subject,
                   "request-" + schema::Hex(*serial).substr(0, 12),
                   "a-rule",
                   Event({{"type", "granted"}, {"san", san}, {"zone", "after time"}})};
}

schema::CertDer House::Sign(const ca::Receipt& receipt) {
  const auto tbs = ca::WithSctList(receipt.tbs(), schema::EncodeSctList(receipt.sct()));
  MUST(tbs);
  const auto answer = custody.Sign(hsm::Purpose::kCertificate, tbs->view(), {});
  MUST(answer);
  return ca::Assemble(tbs->view(), answer->signature);
}

schema::CertDer House::Finish(const ca::Receipt& receipt) {
  return log_->Finish(receipt.index(), Sign(receipt),
                      Event({{"type", "issued"}, {"request_id", "r"}}));
}

Result<std::uint64_t> House::Issue(const std::string& token) {
  TRY(const ca::Receipt receipt, log_->Enter(MakeGrant(token)));
  Finish(receipt);
  return receipt.index();
}

bool House::WaitPublished(std::uint64_t size) {
  return WaitFor([&] {
    const auto head = log_->reader().LatestTreeHead(ca::LogName::kCertificates);
    return head && head->head.size >= size;
  });
}

std::vector<schema::Json> House::Events() {
  const auto size = log_->State().events_size;
  MUST(WaitFor([&] {
    const auto head = log_->reader().LatestTreeHead(ca::LogName::kEvents);
    return head && head->head.size >= size;
  }));
  const auto texts = log_->reader().Events(0, size);
  MUST(texts.has_value() && texts->size() >= size);
  std::vector<schema::Json> out;
  for (const std::string& text : *texts) {
    auto event = schema::ParseJson(text, {schema::limits::kEventBytes});
    MUST(event.has_value());
    out.push_back(*std::move(event));
  }
  return out;
}

std::int64_t House::Ask(const std::string& sql) const {
  auto connection = ca::sqlite::Connection::Open(database(), {});
  MUST(connection);
  const auto answer = (*connection)->Ask(sql);
  if (!answer) std::fprintf(stderr, "%s\n", answer.error().Describe().c_str());
  MUST(answer);
  return *answer;
}

namespace {

// Recomputed from the leaves alone, by the recursion of RFC 6962 2.1.
schema::Hash TreeHash(const std::vector<schema::Hash>& leaves, std::size_t first,
                      std::size_t count) {
  if (count == 0) return schema::merkle::EmptyRoot();
  if (count == 1) return leaves[first];
  std::size_t split = 1;
  while (split * 2 < count) split *= 2;
  return schema::NodeHash(TreeHash(leaves, first, split),
                          TreeHash(leaves, first + split, count - split));
}

std::string CheckHead(House& house, ca::LogName log, const std::vector<schema::Hash>& leaves) {
  const auto latest = house.log().reader().LatestTreeHead(log);
  if (!latest) return latest.error().Describe();
  const schema::TreeHead& head = latest->head;
  if (head.size > leaves.size()) return "a checkpoint covers more than there is";
  if (head.root != TreeHash(leaves, 0, head.size)) return "a checkpoint has another root";
  const bool certificates = log == ca::LogName::kCertificates;
  const auto note = schema::ParseNote(latest->checkpoint);
  if (!note) return note.error().Describe();
  const auto body = schema::ParseCheckpointText(note->text);
  if (!body) return body.error().Describe();
  const auto& shard = certificates ? house.config.log.certificates : house.config.log.events;
  if (body->origin != shard.origin || body->size != head.size || body->root != head.root)
    return "a checkpoint's text is of another tree";
  // The log's own come first, then cosignatures.
  const std::size_t own = certificates ? 2 : 1;
  const std::size_t quorum = house.watchers.quorum;
  if (note->lines.size() < own + quorum || (quorum == 0 && note->lines.size() != own))
    return "signature lines";
  const auto note_key = support::KeyFromEd25519(
      certificates ? house.custody.facts().certificates_note : house.custody.facts().events_note);
  if (!support::VerifyWith(note_key.get(), schema::AsBytes(note->text),
                           note->lines[own - 1].signature))
    return "the note signature does not verify";
  if (!certificates) return "";
  const auto log_key = support::KeyFromSpki(house.custody.facts().log.view());
  if (!support::VerifyWith(log_key.get(),
                           schema::TreeHeadInput(head.timestamp, head.size, head.root),
                           latest->signature.view()))
    return "the tree head signature does not verify";
  if (note->lines.front().signature !=
      schema::TreeHeadNoteSignature(head.timestamp, latest->signature.view()))
    return "the first line is not the tree head";
  return "";
}

schema::Result<ca::ShardIds> Written(ca::sqlite::Connection& connection) {
  TRY(const auto shards, ca::ReadShards(connection));
  return ca::WrittenOf(shards);
}

}  // namespace

std::string Inspect(House& house) {
  auto opened = ca::sqlite::Connection::Open(house.database(), {});
  if (!opened) return opened.error().Describe();
  auto read = (*opened)->Prepare("SELECT id, data FROM entry WHERE id >= ? AND id < ? ORDER BY id");
  if (!read) return read.error().Describe();
  const auto shards = Written(**opened);
  if (!shards) return shards.error().Describe();
  for (const ca::LogName log : {ca::LogName::kCertificates, ca::LogName::kEvents}) {
    std::vector<schema::Hash> leaves;
    const std::int64_t shard = shards->Of(log);
    read->Start(ca::RowId(shard, 0), ca::RowId(shard, ca::kIndexMax));
    while (true) {
      const auto row = read->Next();
      if (!row) return row.error().Describe();
      if (!*row) break;
      if (ca::IndexOf(read->Integer(0)) != leaves.size()) return "an index is missing";
      leaves.push_back(schema::LeafHash(read->Blob(1)));
    }
    const ca::LogState state = house.log().State();
    const bool certificates = log == ca::LogName::kCertificates;
    if (leaves.size() != (certificates ? state.certificates_size : state.events_size))
      return "the tail says " + std::to_string(state.certificates_size) + "/" +
             std::to_string(state.events_size) + ", there are " + std::to_string(leaves.size());
    if (const std::string wrong = CheckHead(house, log, leaves); !wrong.empty()) return wrong;
  }
  const char* kMustBeZero[] = {
      "SELECT count(*) FROM certificate c LEFT JOIN entry e USING(id) WHERE e.id IS NULL",
      "SELECT count(*) FROM issuance i LEFT JOIN entry e USING(id) WHERE e.id IS NULL",
      "SELECT count(*) FROM issuance i LEFT JOIN entry e ON e.id = i.granted "
      "WHERE e.id IS NULL OR json_extract(CAST(e.data AS TEXT), '$.leaf_index') IS NOT "
      "i.id & ((1<<40) - 1)",
      "SELECT count(*) FROM issuance i LEFT JOIN certificate c USING(id) WHERE "
      "c.precertificate IS NULL AND i.id & ((1<<40) - 1) < "
      "(SELECT size FROM tree_head WHERE shard=i.id>>40 ORDER BY timestamp DESC LIMIT 1)",
  };
  for (const char* sql : kMustBeZero) {
    if (house.Ask(sql) != 0) return sql;
  }
  return "";
}

}  // namespace log_test
