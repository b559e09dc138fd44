// Tiles, and the issued files beside data tiles, as wide as the tree that is audited has them: a
// file of their own, or the beginning of the full one, which takes its place when the tree has
// grown (C2SP tlog-tiles, static-ct-api).
#pragma once

#include "ca/audit/source.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/log/tile.h"

namespace ca::audit {

// kUnreadable names the narrower of the two when neither can be read.
schema::Result<schema::Bytes> ReadTile(const Source& source, const schema::tile::Tile& tile);
schema::Result<schema::Bytes> ReadIssued(const Source& source, const schema::tile::Tile& data);

}  // namespace ca::audit
