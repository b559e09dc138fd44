#include "ca/audit/read_tile.h"

#include <string>
#include <utility>

#include "schema/log/issued.h"

namespace ca::audit {

using schema::Bytes;
using schema::Result;
using schema::tile::Tile;

namespace {

Result<Bytes> ReadAsWide(const Source& source, const Tile& tile, std::string (*path)(const Tile&)) {
  auto read = source.Read(path(tile));
  if (read || tile.full()) return read;
  Tile full = tile;
  full.width = schema::tile::kWidth;
  auto whole = source.Read(path(full));
  return whole ? std::move(whole) : std::move(read);
}

}  // namespace

Result<Bytes> ReadTile(const Source& source, const Tile& tile) {
  return ReadAsWide(source, tile, schema::tile::Path);
}

Result<Bytes> ReadIssued(const Source& source, const Tile& data) {
  return ReadAsWide(source, data, schema::IssuedPath);
}

}  // namespace ca::audit
