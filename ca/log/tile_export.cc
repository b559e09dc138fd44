#include "ca/log/tile_export.h"

#include <system_error>

#include "ca/log/issuers.h"
#include "schema/base/file.h"
#include "schema/log/checkpoint.h"
#include "schema/log/merkle.h"
#include "schema/log/tile.h"

namespace ca {

using schema::Error;
using schema::Ok;
using schema::Outcome;
using schema::Result;
using schema::tile::Kind;
using schema::tile::Tile;

const schema::ErrorKind kExportConflict{
    "export-conflict", schema::Fault::kUs,
    "the directory does not hold an earlier state of this log; see to both, or name another one"};

namespace {

constexpr const char* kCheckpoint = "checkpoint";

bool Exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// One run.
class Run {
 public:
  Run(const TileExport& job, SignedTreeHead head) : job_(job), head_(std::move(head)) {}

  Result<ExportReport> Export();

 private:
  Outcome ReadBefore();
  std::vector<Tile> NewTiles() const;
  // What is there already was written whole, by a run that did not come to its end.
  Outcome WriteNew(const std::string& name, schema::BytesView bytes);
  Outcome Replace(const std::string& name, std::string_view text);
  Outcome WriteIssuers();
  void RemovePartial(const Tile& tile) const;

  const TileExport& job_;
  const SignedTreeHead head_;
  ExportReport report_{};
};

Outcome Run::ReadBefore() {
  report_.size = head_.head.size;
  const std::filesystem::path path = job_.directory / kCheckpoint;
  if (!Exists(path)) return Ok();
  TRY(const std::string text, schema::ReadFile(path));
  const auto note = schema::ParseNote(text);
  const auto body = note ? schema::ParseCheckpointText(note->text) : note.error();
  if (!body) return Error{&kExportConflict, path.string() + ": " + body.error().detail};
  const schema::TreeHead& head = head_.head;
  if (body->origin != job_.origin || body->size > head.size) {
    return Error{&kExportConflict, path.string() + " is of " + body->origin + " with " +
                                       std::to_string(body->size) + " entries, the store of " +
                                       job_.origin + " with " + std::to_string(head.size)};
  }
  TRY(const auto proof, job_.reader.ConsistencyProof(job_.log, body->size, head.size));
  if (!schema::merkle::VerifyConsistency(body->size, body->root, head.size, head.root, proof)) {
    return Error{&kExportConflict, path.string() + " is of another tree than the store's"};
  }
  report_.before = body->size;
  return Ok();
}

std::vector<Tile> Run::NewTiles() const {
  std::vector<Tile> tiles = schema::tile::NewHashTiles(report_.before, report_.size);
  const auto add = [&](Kind kind) {
    const auto more = schema::tile::NewEntryTiles(kind, report_.before, report_.size);
    tiles.insert(tiles.end(), more.begin(), more.end());
  };
  if (job_.log == LogName::kEvents) {
    add(Kind::kEntries);
  } else {
    add(Kind::kData);
    add(Kind::kNames);
  }
  return tiles;
}

Outcome Run::Replace(const std::string& name, std::string_view text) {
  const std::filesystem::path path = job_.directory / name;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) {
    return Error{&schema::kFileUnwritable, path.parent_path().string() + ": " + error.message()};
  }
  TRY(schema::ReplaceFile(path, text));
  ++report_.files;
  report_.bytes += text.size();
  return Ok();
}

Outcome Run::WriteNew(const std::string& name, schema::BytesView bytes) {
  return Exists(job_.directory / name) ? Ok() : Replace(name, schema::AsText(bytes));
}

Outcome Run::WriteIssuers() {
  TRY(const Issuers issuers, job_.reader.ReadIssuers());
  for (const Issuer* issuer : issuers.All()) {
    TRY(WriteNew("issuer/" + schema::Hex(issuer->fingerprint), issuer->certificate.view()));
  }
  return Ok();
}

void Run::RemovePartial(const Tile& tile) const {
  std::error_code ignored;  // what is left is only superfluous
  std::filesystem::remove_all(job_.directory / (Path(tile) + ".p"), ignored);
}

Result<ExportReport> Run::Export() {
  TRY(ReadBefore());
  const std::vector<Tile> tiles = NewTiles();
  std::size_t done = 0;
  for (const Tile& tile : tiles) {
    const std::string name = Path(tile);
    if (!Exists(job_.directory / name)) {
      TRY(const schema::Bytes bytes, job_.reader.ReadTile(job_.log, tile));
      TRY(Replace(name, schema::AsText(bytes)));
    }
    job_.progress(++done, tiles.size());
  }
  if (job_.log == LogName::kCertificates) TRY(WriteIssuers());
  if (!job_.metadata.empty()) TRY(Replace("log.v3.json", job_.metadata));
  // Only now: a reader who has the checkpoint finds all that it covers.
  TRY(Replace(kCheckpoint, head_.checkpoint));
  for (const Tile& tile : tiles) {
    if (tile.full()) RemovePartial(tile);
  }
  return report_;
}

}  // namespace

Result<ExportReport> ExportTiles(const TileExport& job) {
  TRY(SignedTreeHead head, job.reader.LatestTreeHead(job.log));
  return Run(job, std::move(head)).Export();
}

}  // namespace ca
