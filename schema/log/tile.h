// Tiles: a Merkle tree and its entries as plain files that never change.
//
//   tile/<L>/<N>[.p/<W>]        hashes                C2SP tlog-tiles; static-ct-api
//   tile/data/<N>[.p/<W>]       TileLeaf × 256 or W   static-ct-api, "Log entries"
//   tile/entries/<N>[.p/<W>]    (u16 length, entry)*  C2SP tlog-tiles, "Log Entries"
//   tile/names/<N>[.p/<W>]      a line an entry       sunlight's names-tiles.md
//
// <N> is written in groups of three digits, all but the last with an x: 1234067 is x001/x234/067.
// A partial tile (.p/<W>) has the first W of the 256 hashes or entries of the full one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/identity.h"

namespace schema::tile {

extern const ErrorKind kBadTile;  // kUs: octets that are no tile of ours

inline constexpr unsigned kWidth = 256;  // of a full tile
inline constexpr int kLevelMax = 63;     // tlog-tiles; a CT log of 2^40 leaves needs 0 to 4
// Index of a tile: below, every leaf index fits a u64.
inline constexpr std::uint64_t kIndexEnd = std::uint64_t{1} << 56;

enum class Kind { kHashes, kData, kEntries, kNames };

struct Tile {
  Kind kind;
  int level;  // 0 unless kind is kHashes
  std::uint64_t index;
  unsigned width = kWidth;  // 1 to 256

  bool full() const { return width == kWidth; }
  friend bool operator==(const Tile&, const Tile&) = default;
};

// "tile/…", without a slash before it.
std::string Path(const Tile& tile);
// Exactly what Path writes, or nothing. Safe on any bytes.
std::optional<Tile> ParsePath(std::string_view path);

// How many hashes `level` has in a tree of `size` leaves: the complete subtrees of 256^level.
std::uint64_t HashesAt(std::uint64_t size, int level);
// The width of a tile in a tree of `size` leaves; 0 when the tree does not reach it.
unsigned WidthIn(std::uint64_t size, int level, std::uint64_t index);
// The hash tiles in which a tree of `after` leaves differs from one of `before`, in order of level
// and index, each as wide as `after` has it: what an incremental copy has to write. None are empty.
std::vector<Tile> NewHashTiles(std::uint64_t before, std::uint64_t after);
// The same for the tiles of `kind` that stand beside level 0.
std::vector<Tile> NewEntryTiles(Kind kind, std::uint64_t before, std::uint64_t after);

// One entry of a data tile.
struct TileLeaf {
  Bytes leaf;               // MerkleTreeLeaf (schema/log/leaf.h)
  CertDer precertificate;   // whose TBS without poison is the leaf's
  std::vector<Hash> chain;  // SHA-256 of the certificates above it, its issuer first
};
// Appends the leaf's TimestampedEntry, u24 precertificate, u16 fingerprints.
//
//   leaf   what EncodeLeaf writes
//   chain  at most 2047
void AppendTileLeaf(Bytes& tile, BytesView leaf, BytesView precertificate,
                    const std::vector<Hash>& chain);
// All leaves of a data tile, 1 to 256, each exactly as AppendTileLeaf writes it. kBadTile. Safe on
// any bytes.
Result<std::vector<TileLeaf>> ParseDataTile(BytesView tile);

// Appends u16 length and entry, which has at most 65,535 octets.
void AppendEntry(Bytes& bundle, BytesView entry);
// The 1 to 256 entries of a bundle, which they view. kBadTile. Safe on any bytes.
Result<std::vector<BytesView>> ParseEntryBundle(BytesView bundle);

// One line of a names tile, with its newline: what a certificate says of whom, for readers who
// verify nothing. Timestamp is sunlight's; Subject, DNS and IP are absent, as our certificates have
// none. URI, Email or OtherName (the subjectAltName) and Issuer (of the token) are ours.
std::string NamesLine(TimeMs timestamp, const San& san, std::string_view issuer);

}  // namespace schema::tile
