// The octets of the tiles of a published tree, out of the store.
//
// A tile is made of rows that never change and of nothing else, so its octets never change either,
// with one exception: how names tiles are compressed is zlib's affair. Partial tiles are answered
// in every width that the published tree reaches. Those of all checkpoints ever published are among
// them; which sizes these had need not be known.
#pragma once

#include "ca/log/desk.h"
#include "ca/log/reader.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/log/tile.h"

namespace ca {

// Of the tree of the first `size` leaves, which a checkpoint covers:
//
//   certificates   hashes, data (TileLeaf), names (gzip)
//   events         hashes, entries
//
// kNoSuchEntry when the tree does not reach that far, or the log has no tiles of this kind.
schema::Result<schema::Bytes> ReadTile(Desk& desk, LogName log, const schema::tile::Tile& tile,
                                       std::uint64_t size);

// The certificates of the entries of a data tile (schema/log/issued.h), as far as they are stored
// by now. kNoSuchEntry likewise.
schema::Result<schema::Bytes> ReadIssued(Desk& desk, const schema::tile::Tile& tile,
                                         std::uint64_t size);

}  // namespace ca
