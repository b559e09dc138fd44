// A published log as plain files, for any web server or object store: what `chancery serve` answers
// at the same paths, octet for octet. And the certificates themselves, for reviewers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "ca/log/export_place.h"
#include "ca/log/reader.h"
#include "schema/base/result.h"

namespace ca {

// kUs: the directory has another log in it, or more of this one than the store
extern const schema::ErrorKind kExportConflict;

struct TileExport {
  const Reader& reader;
  LogName log;
  std::string origin;    // of its checkpoints
  std::string metadata;  // log.v3.json; empty: none
  ExportPlace& place;    // of the shard
  // Called after each tile.
  std::function<void(std::size_t done, std::size_t all)> progress = [](std::size_t, std::size_t) {};
};

struct ExportReport {
  std::uint64_t before, size;        // leaves: of the checkpoint that was there, of the new one
  std::size_t files = 0, bytes = 0;  // written; a file that is there is left as it is
};

// Adds to the place what the published tree has and it has not: tiles, issuers, log.v3.json;
// then the checkpoint, when all of it is on the disk. A run that was interrupted is gone on with by
// the next one. Partial tiles go when their full tile is there and the checkpoint says so.
// kNoSuchEntry when nothing is published; kExportConflict, file-unwritable. For one process at a
// time in one place.
schema::Result<ExportReport> ExportTiles(const TileExport& job);

// Then the issued files (schema/log/issued.h) of a certificates log that ExportTiles has brought up
// to `report`, best after the events log: an `issued` event's certificate is then among them. Those
// of entries that were there before are written anew as far back as outcomes were unknown.
schema::Outcome ExportIssued(const TileExport& job, ExportReport& report);

}  // namespace ca
