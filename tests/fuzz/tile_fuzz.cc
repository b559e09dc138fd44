// A path, a data tile or an entry bundle that parses is, octet for octet, what its parts make.
#include <cstdint>

#include "schema/log/leaf.h"
#include "schema/log/tile.h"

namespace tile = schema::tile;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const schema::BytesView bytes(data, size);
  if (const auto parsed = tile::ParsePath(schema::AsText(bytes))) {
    MUST(tile::Path(*parsed) == schema::AsText(bytes));
  }
  if (const auto leaves = tile::ParseDataTile(bytes)) {
    MUST(!leaves->empty() && leaves->size() <= tile::kWidth);
    schema::Bytes again;
    for (const tile::TileLeaf& leaf : *leaves) {
      MUST(schema::ParseLeaf(leaf.leaf));
      tile::AppendTileLeaf(again, leaf.leaf, leaf.precertificate.view(), leaf.chain);
    }
    MUST(schema::Equal(again, bytes));
  } else {
    MUST(leaves.error().Is(tile::kBadTile));
  }
  if (const auto entries = tile::ParseEntryBundle(bytes)) {
    MUST(!entries->empty() && entries->size() <= tile::kWidth);
    schema::Bytes again;
    for (const schema::BytesView entry : *entries) tile::AppendEntry(again, entry);
    MUST(schema::Equal(again, bytes));
  } else {
    MUST(entries.error().Is(tile::kBadTile));
  }
  return 0;
}
