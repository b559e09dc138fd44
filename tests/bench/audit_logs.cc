// Both logs of a CA as files, and its trust documents: what `chancery log verify` is timed with.
//
//   audit_logs DIRECTORY SIZE
//
// Writes DIRECTORY/export as `chancery log export --log both` does and DIRECTORY/trust as `chancery
// trust export` does, of SIZE certificates. Every entry is another one, every signature is made by
// its key, every grant and its end are an event as large as those of the server: the audit finds
// nothing. Only the server's store and its requests are left out.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "ca/audit/ahead.h"
#include "ca/issuing_cas.h"
#include "ca/profile.h"
#include "ca/trust.h"
#include "schema/log/checkpoint.h"
#include "schema/log/issued.h"
#include "schema/log/leaf.h"
#include "schema/log/merkle.h"
#include "schema/log/sct.h"
#include "schema/log/tile.h"
#include "tests/bench/filling.h"

namespace {

namespace fs = std::filesystem;
using bench::Facts;
using bench::Must;
using log_test::House;
using schema::Bytes;
using schema::Hash;
using schema::Json;
using schema::tile::Kind;
using schema::tile::kWidth;

constexpr std::size_t kGrantedFiller = 900;  // with the rest 1.2 KB, as a grant of GitHub's claims

void Write(const fs::path& path, schema::BytesView bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << schema::AsText(bytes);
  out.close();
  MUST(out);
}

// The hash tiles of a growing tree.
class TreeFiles {
 public:
  explicit TreeFiles(fs::path base) : base_(std::move(base)) {}

  void Append(const Hash& leaf) {
    stored_.clear();
    edge_.Append(leaf, stored_);
    for (const auto& [level, index, hash] : stored_) {
      Bytes& tile = levels_[level];
      tile.insert(tile.end(), hash.begin(), hash.end());
      if (tile.size() == kWidth * sizeof(Hash)) Put(level, index / kWidth, tile);
    }
  }
  // After the last: the partial tiles.
  void Finish() {
    for (auto& [level, tile] : levels_) {
      const std::uint64_t hashes = schema::tile::HashesAt(edge_.size(), level);
      if (!tile.empty()) Put(level, hashes / kWidth, tile);
    }
  }
  const schema::merkle::Frontier& edge() const { return edge_; }

 private:
  void Put(int level, std::uint64_t index, Bytes& tile) {
    const auto width = static_cast<unsigned>(tile.size() / sizeof(Hash));
    Write(base_ / schema::tile::Path({Kind::kHashes, level, index, width}), tile);
    tile.clear();
  }

  const fs::path base_;
  schema::merkle::Frontier edge_;
  std::vector<schema::merkle::Frontier::Stored> stored_;
  std::map<int, Bytes> levels_;
};

// The events log, entry by entry.
class EventFiles {
 public:
  explicit EventFiles(fs::path base) : base_(std::move(base)), tree_(base_) {}

  void Append(const std::string& text) {
    const schema::BytesView entry = schema::AsBytes(text);
    schema::tile::AppendEntry(bundle_, entry);
    tree_.Append(schema::LeafHash(entry));
    if (tree_.edge().size() % kWidth == 0) Put(kWidth);
  }
  void Finish() {
    tree_.Finish();
    if (!bundle_.empty()) Put(static_cast<unsigned>(tree_.edge().size() % kWidth));
  }
  const schema::merkle::Frontier& edge() const { return tree_.edge(); }

 private:
  void Put(unsigned width) {
    const std::uint64_t index = (tree_.edge().size() - 1) / kWidth;
    Write(base_ / schema::tile::Path({Kind::kEntries, 0, index, width}), bundle_);
    bundle_.clear();
  }

  const fs::path base_;
  TreeFiles tree_;
  Bytes bundle_;
};

// What one data tile adds to both logs.
struct Part {
  Bytes data, issued;
  std::vector<Hash> leaf_hashes;
  std::vector<std::string> events;
};

class Logs {
 public:
  Logs(fs::path directory, std::uint64_t size)
      : directory_(std::move(directory)),
        size_(size),
        template_(house_),
        start_(house_.clock.Now()) {
    for (const schema::CertDer& certificate : house_.chain.certificates) {
      fingerprints_.push_back(schema::Sha256(certificate.view()));
    }
    log_id_ = schema::Sha256(house_.custody.facts().log.view());
  }

  void Make() {
    const schema::LogSettings& log = house_.config.log;
    const fs::path certificates = directory_ / "export" / "certificates" / log.certificates.shard;
    const fs::path events = directory_ / "export" / "events" / log.events.shard;
    TreeFiles tree(certificates);
    EventFiles event_files(events);
    event_files.Append(Event({{"type", "started"}}));
    event_files.Append(Event({{"type", "policy-loaded"}, {"policy_digest", kPolicy}}));
    event_files.Append(Event({{"type", "issuers-loaded"}, {"issuers_digest", kIssuers}}));
    const std::uint64_t tiles = (size_ + kWidth - 1) / kWidth;
    ca::audit::Ahead<Part> parts(tiles, std::thread::hardware_concurrency() + 1,
                                 [this](std::uint64_t index) { return MakePart(index); });
    for (std::uint64_t index = 0; auto part = parts.Next(); ++index) {
      const schema::tile::Tile tile{Kind::kData, 0, index,
                                    static_cast<unsigned>(part->leaf_hashes.size())};
      Write(certificates / schema::tile::Path(tile), part->data);
      Write(certificates / schema::IssuedPath(tile), part->issued);
      for (const Hash& hash : part->leaf_hashes) tree.Append(hash);
      for (const std::string& event : part->events) event_files.Append(event);
    }
    event_files.Append(Event({{"type", "signatures-counted"},
                              {"purpose", "certificate"},
                              {"made", size_},
                              {"asked", size_},
                              {"entered", size_},
                              {"final", true}},
                             size_));
    tree.Finish();
    event_files.Finish();
    Write(certificates / "checkpoint", schema::AsBytes(SignCertificates(tree.edge())));
    Write(events / "checkpoint", schema::AsBytes(SignEvents(event_files.edge())));
    WriteTrust();
  }

 private:
  static constexpr const char* kPolicy = "a policy";
  static constexpr const char* kIssuers = "issuers";

  // All within the validity that the template has.
  schema::TimeMs LoggedAt(std::uint64_t index) const {
    return start_ + std::chrono::milliseconds(index / 10'000);
  }

  std::string Event(Json event, std::uint64_t index = 0) const {
    event["time"] = schema::Rfc3339(LoggedAt(index));
    return event.dump();
  }

  Part MakePart(std::uint64_t tile) {
    Part part;
    bench::Template own = template_;
    const std::uint64_t end = std::min(size_, (tile + 1) * kWidth);
    for (std::uint64_t index = tile * kWidth; index < end; ++index) Add(index, own, part);
    return part;
  }

  void Add(std::uint64_t index, bench::Template& own, Part& part) {
    const Facts facts = bench::FactsOf(index, size_);
    const Bytes& tbs = own.Tbs(facts);
    const schema::TimeMs logged = LoggedAt(index);
    const Bytes leaf = schema::EncodeLeaf(logged, index, house_.chain.key_hash, tbs).bytes();
    const schema::Sct sct{log_id_, logged, index,
                          support::SignWith(house_.custody.log_key(), leaf)};
    const auto final_tbs = Must(ca::WithSctList(tbs, schema::EncodeSctList(sct)));
    const auto poisoned = Must(ca::WithPoison(tbs));
    const schema::CertDer certificate = Sign(final_tbs.view());
    const schema::CertDer precertificate = Sign(poisoned.view());
    schema::tile::AppendTileLeaf(part.data, leaf, precertificate.view(), fingerprints_);
    schema::AppendIssued(part.issued, certificate.view());
    part.leaf_hashes.push_back(schema::LeafHash(leaf));
    part.events.push_back(Event({{"type", "granted"},
                                 {"leaf_index", index},
                                 {"serial", schema::Hex(facts.serial)},
                                 {"tbs_sha256", schema::Hex(schema::Sha256(tbs))},
                                 {"issuing_key_sha256", schema::Hex(house_.chain.key_hash)},
                                 {"policy_digest", kPolicy},
                                 {"issuers_digest", kIssuers},
                                 {"claims", {{"text", std::string(kGrantedFiller, 'x')}}}},
                                index));
    part.events.push_back(
        Event({{"type", "issued"},
               {"leaf_index", index},
               {"certificate_sha256", schema::Hex(schema::Sha256(certificate.view()))},
               {"request_id", facts.request_id}},
              index));
  }

  schema::CertDer Sign(schema::BytesView tbs) const {
    return ca::Assemble(tbs, support::SignWith(house_.custody.issuing_key(), tbs));
  }

  std::string NoteLine(hsm::Purpose purpose, const std::string& origin, schema::BytesView key,
                       const std::string& text) {
    const auto note = Must(house_.custody.Sign(purpose, schema::AsBytes(text), {}));
    return schema::SignatureLine(origin, schema::Ed25519KeyId(origin, key), note.signature.view());
  }
  std::string SignCertificates(const schema::merkle::Frontier& edge) {
    const std::string& origin = house_.config.log.certificates.origin;
    const std::string text = schema::CheckpointText(origin, edge.size(), edge.Root());
    const schema::TimeMs time = LoggedAt(size_);
    const schema::Signature head = support::SignWith(
        house_.custody.log_key(), schema::TreeHeadInput(time, edge.size(), edge.Root()));
    return text + "\n" +
           schema::SignatureLine(origin, schema::TreeHeadKeyId(origin, log_id_),
                                 schema::TreeHeadNoteSignature(time, head.view())) +
           NoteLine(hsm::Purpose::kCertificatesNote, origin,
                    house_.custody.facts().certificates_note, text);
  }
  std::string SignEvents(const schema::merkle::Frontier& edge) {
    const std::string& origin = house_.config.log.events.origin;
    const std::string text = schema::CheckpointText(origin, edge.size(), edge.Root());
    return text + "\n" +
           NoteLine(hsm::Purpose::kEventsNote, origin, house_.custody.facts().events_note, text);
  }

  void WriteTrust() {
    const hsm::KeyFacts& facts = house_.custody.facts();
    ca::LogKeys keys{};
    keys.log_key = facts.log;
    keys.log_id = log_id_;
    keys.certificates_note_key = schema::ToBytes(facts.certificates_note);
    keys.events_note_key = schema::ToBytes(facts.events_note);
    keys.since = start_;
    const ca::IssuingCas cas = Must(ca::IssuingCas::Of(house_.chain));
    const fs::path trust = directory_ / "trust";
    Write(trust / "trusted_root.json", schema::AsBytes(ca::TrustedRoot(house_.config, cas, keys)));
    Write(trust / "log-keys.txt", schema::AsBytes(ca::LogVerifierKeys(house_.config, keys)));
  }

  const fs::path directory_;
  const std::uint64_t size_;
  House house_;
  const bench::Template template_;
  const schema::TimeMs start_;
  std::vector<Hash> fingerprints_;
  Hash log_id_{};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: audit_logs DIRECTORY SIZE\n");
    return 2;
  }
  Logs(argv[1], std::stoull(argv[2])).Make();
  return 0;
}
