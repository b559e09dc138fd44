#include "ca/log/tiles.h"

#include <limits>

#include "ca/log/gzip.h"
#include "ca/log/issuers.h"
#include "ca/log/rows.h"
#include "ca/profile.h"
#include "schema/log/issued.h"
#include "schema/log/leaf.h"

namespace ca {

using schema::Bytes;
using schema::Error;
using schema::Hash;
using schema::Result;
using schema::tile::Kind;
using schema::tile::kWidth;
using schema::tile::Tile;

namespace {

constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();
constexpr int kIssuerArc = 8;  // fulcio: Issuer (V2), of the token

Result<Bytes> Hashes(Desk& desk, LogName log, const Tile& tile) {
  TRY(const std::vector<Hash> hashes, ReadHashesThrough(*desk.hashes, desk.shards.Of(log))(
                                          tile.level, tile.index * kWidth, tile.width));
  Bytes out;
  out.reserve(hashes.size() * sizeof(Hash));
  for (const Hash& hash : hashes) out.insert(out.end(), hash.begin(), hash.end());
  return out;
}

Result<Bytes> Data(Desk& desk, const Tile& tile) {
  TRY(const auto entries, desk.Certificates(tile.index * kWidth, tile.width, kUnbounded));
  TRY(const Issuers issuers, Issuers::Read(*desk.connection, desk.shards.certificates));
  Bytes out;
  for (const LogEntry& entry : entries) {
    TRY(const auto above, issuers.Above(entry));
    std::vector<Hash> chain;
    for (const Issuer* issuer : above) chain.push_back(issuer->fingerprint);
    schema::tile::AppendTileLeaf(out, entry.leaf, entry.precertificate.view(), chain);
  }
  return out;
}

Result<Bytes> Names(Desk& desk, const Tile& tile) {
  TRY(const auto entries, desk.Certificates(tile.index * kWidth, tile.width, kUnbounded));
  std::string lines;
  for (const LogEntry& entry : entries) {
    TRY(const schema::Leaf leaf, schema::ParseLeaf(entry.leaf));
    TRY(const TbsFacts facts, ReadTbs(leaf.tbs.view()));
    std::string_view issuer;
    for (const schema::FulcioExtension& extension : facts.extensions) {
      if (extension.arc == kIssuerArc) issuer = extension.text;
    }
    lines += schema::tile::NamesLine(leaf.timestamp, facts.san, issuer);
  }
  return Gzip(lines);
}

Result<Bytes> Entries(Desk& desk, const Tile& tile) {
  TRY(const auto events, desk.Events(tile.index * kWidth, tile.width, kUnbounded));
  Bytes out;
  for (const std::string& event : events) schema::tile::AppendEntry(out, schema::AsBytes(event));
  return out;
}

bool Has(LogName log, Kind kind) {
  if (kind == Kind::kHashes) return true;
  return (kind == Kind::kEntries) == (log == LogName::kEvents);
}

}  // namespace

Result<Bytes> ReadTile(Desk& desk, LogName log, const Tile& tile, std::uint64_t size) {
  if (!Has(log, tile.kind)) return Error{&kNoSuchEntry, "this log has no " + Path(tile)};
  if (schema::tile::WidthIn(size, tile.level, tile.index) < tile.width) {
    return Error{&kNoSuchEntry, Path(tile) + " of a tree of " + std::to_string(size)};
  }
  switch (tile.kind) {
    case Kind::kHashes:
      return Hashes(desk, log, tile);
    case Kind::kData:
      return Data(desk, tile);
    case Kind::kNames:
      return Names(desk, tile);
    case Kind::kEntries:
      return Entries(desk, tile);
  }
  MUST(false);
}

Result<Bytes> ReadIssued(Desk& desk, const Tile& tile, std::uint64_t size) {
  if (tile.kind != Kind::kData || schema::tile::WidthIn(size, 0, tile.index) < tile.width) {
    return Error{&kNoSuchEntry, "no issued file of a tree of " + std::to_string(size)};
  }
  TRY(const auto entries, desk.Certificates(tile.index * kWidth, tile.width, kUnbounded));
  Bytes out;
  for (const LogEntry& entry : entries) {
    schema::AppendIssued(out, entry.certificate ? entry.certificate->view() : schema::BytesView());
  }
  return out;
}

}  // namespace ca
