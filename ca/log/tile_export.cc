#include "ca/log/tile_export.h"

#include <algorithm>

#include "ca/log/issuers.h"
#include "schema/log/checkpoint.h"
#include "schema/log/issued.h"
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

// A certificate comes minutes after its entry or never: so many files without a gap, and the ones
// before need no look.
constexpr int kWholeFilesEnd = 16;

bool HasGap(schema::BytesView file) {
  const auto certificates = schema::ParseIssued(file);
  return !certificates || std::ranges::any_of(*certificates, &schema::BytesView::empty);
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
  Outcome Replace(const std::string& name, schema::BytesView bytes);
  Outcome WriteIssuers();

  const TileExport& job_;
  const SignedTreeHead head_;
  ExportReport report_{};
};

Outcome Run::ReadBefore() {
  report_.size = head_.head.size;
  TRY(const auto text, job_.place.Read(kCheckpoint));
  if (!text) return Ok();
  const std::string path = job_.place.Where(kCheckpoint);
  const auto note = schema::ParseNote(schema::AsText(*text));
  const auto body = note ? schema::ParseCheckpointText(note->text) : note.error();
  if (!body) return Error{&kExportConflict, path + ": " + body.error().detail};
  const schema::TreeHead& head = head_.head;
  if (body->origin != job_.origin || body->size > head.size) {
    return Error{&kExportConflict, path + " is of " + body->origin + " with " +
                                       std::to_string(body->size) + " entries, the store of " +
                                       job_.origin + " with " + std::to_string(head.size)};
  }
  TRY(const auto proof, job_.reader.ConsistencyProof(job_.log, body->size, head.size));
  if (!schema::merkle::VerifyConsistency(body->size, body->root, head.size, head.root, proof)) {
    return Error{&kExportConflict, path + " is of another tree than the store's"};
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

Outcome Run::Replace(const std::string& name, schema::BytesView bytes) {
  TRY(job_.place.Replace(name, bytes));
  ++report_.files;
  report_.bytes += bytes.size();
  return Ok();
}

Outcome Run::WriteNew(const std::string& name, schema::BytesView bytes) {
  TRY(const bool there, job_.place.Has(name));
  return there ? Ok() : Replace(name, bytes);
}

Outcome Run::WriteIssuers() {
  TRY(const Issuers issuers, job_.reader.ReadIssuers());
  for (const Issuer* issuer : issuers.All()) {
    TRY(WriteNew("issuer/" + schema::Hex(issuer->fingerprint), issuer->certificate.view()));
  }
  return Ok();
}

Result<ExportReport> Run::Export() {
  TRY(ReadBefore());
  const std::vector<Tile> tiles = NewTiles();
  std::size_t done = 0;
  for (const Tile& tile : tiles) {
    const std::string name = Path(tile);
    TRY(const bool there, job_.place.Has(name));
    if (!there) {
      TRY(const schema::Bytes bytes, job_.reader.ReadTile(job_.log, tile));
      TRY(Replace(name, bytes));
    }
    job_.progress(++done, tiles.size());
  }
  if (job_.log == LogName::kCertificates) TRY(WriteIssuers());
  if (!job_.metadata.empty()) TRY(Replace("log.v3.json", schema::AsBytes(job_.metadata)));
  TRY(job_.place.Settle());
  // Only now: a reader who has the checkpoint finds all that it covers.
  TRY(Replace(kCheckpoint, schema::AsBytes(head_.checkpoint)));
  for (const Tile& tile : tiles) {
    if (tile.full()) job_.place.RemoveFolder(Path(tile) + ".p");
  }
  TRY(job_.place.Settle());
  return report_;
}

}  // namespace

Result<ExportReport> ExportTiles(const TileExport& job) {
  TRY(SignedTreeHead head, job.reader.LatestTreeHead(job.log));
  return Run(job, std::move(head)).Export();
}

Outcome ExportIssued(const TileExport& job, ExportReport& report) {
  const auto write = [&](const Tile& tile) -> Outcome {
    TRY(const schema::Bytes bytes, job.reader.ReadIssued(tile));
    TRY(job.place.Replace(schema::IssuedPath(tile), bytes));
    ++report.files;
    report.bytes += bytes.size();
    return Ok();
  };
  const std::uint64_t first = report.before / schema::tile::kWidth;
  for (std::uint64_t index = first; index * schema::tile::kWidth < report.size; ++index) {
    const Tile tile{Kind::kData, 0, index, schema::tile::WidthIn(report.size, 0, index)};
    TRY(write(tile));
    if (tile.full()) job.place.RemoveFolder(schema::IssuedPath(tile) + ".p");
  }
  std::uint64_t index = first;
  for (int whole = 0; index > 0 && whole < kWholeFilesEnd;) {
    const Tile tile{Kind::kData, 0, --index};
    TRY(const auto there, job.place.Read(schema::IssuedPath(tile)));
    if (there && !HasGap(*there)) {
      ++whole;
    } else {
      TRY(write(tile));
    }
  }
  return job.place.Settle();
}

}  // namespace ca
