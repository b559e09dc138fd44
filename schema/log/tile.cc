#include "schema/log/tile.h"

#include <algorithm>
#include <charconv>

#include "schema/base/json.h"
#include "schema/log/leaf.h"
#include "schema/log/tls.h"

namespace schema::tile {

const ErrorKind kBadTile{"bad-tile", Fault::kUs, "a tile is not one of ours"};

namespace {

constexpr std::string_view kRoot = "tile/";
constexpr std::string_view kPartial = ".p/";
// What a MerkleTreeLeaf has before its TimestampedEntry: v1, timestamped_entry.
constexpr std::uint8_t kLeafHead[] = {0x00, 0x00};

Error Bad(std::string_view why) { return Error{&kBadTile, std::string(why)}; }

std::string_view FolderOf(Kind kind) {
  switch (kind) {
    case Kind::kHashes:
      return "";
    case Kind::kData:
      return "data";
    case Kind::kEntries:
      return "entries";
    case Kind::kNames:
      return "names";
  }
  return "";
}

// x001/x234/067
std::string IndexText(std::uint64_t index) {
  const auto group = [](std::uint64_t value) {
    const std::string digits = std::to_string(value % 1000);
    return std::string(3 - digits.size(), '0') + digits;
  };
  std::string out = group(index);
  while (index /= 1000) out = "x" + group(index) + "/" + out;
  return out;
}

// Decimal, leading zeros allowed.
std::optional<std::uint64_t> Number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Up to the next slash, which is taken too.
std::string_view TakeElement(std::string_view& path) {
  const std::size_t end = path.find('/');
  const std::string_view element = path.substr(0, end);
  path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  return element;
}

// What IndexText writes, and more: whoever calls compares with the canonical text.
std::optional<std::uint64_t> ParseIndex(std::string_view text) {
  std::string digits;
  while (!text.empty() && digits.size() < 18) {
    std::string_view group = TakeElement(text);
    if (group.starts_with('x')) group.remove_prefix(1);
    digits.append(group);
  }
  if (!text.empty()) return std::nullopt;
  const auto index = Number(digits);
  if (!index || *index >= kIndexEnd) return std::nullopt;
  return index;
}

}  // namespace

std::string Path(const Tile& tile) {
  MUST(tile.width >= 1 && tile.width <= kWidth && tile.index < kIndexEnd);
  MUST(tile.level >= 0 && tile.level <= kLevelMax);
  MUST(tile.kind == Kind::kHashes || tile.level == 0);
  std::string out(kRoot);
  if (tile.kind == Kind::kHashes) {
    out.append(std::to_string(tile.level));
  } else {
    out.append(FolderOf(tile.kind));
  }
  out.append("/").append(IndexText(tile.index));
  if (!tile.full()) out.append(kPartial).append(std::to_string(tile.width));
  return out;
}

std::optional<Tile> ParsePath(std::string_view path) {
  std::string_view rest = path;
  if (!rest.starts_with(kRoot)) return std::nullopt;
  rest.remove_prefix(kRoot.size());
  Tile tile{Kind::kHashes, 0, 0, kWidth};
  const std::string_view folder = TakeElement(rest);
  for (const Kind kind : {Kind::kData, Kind::kEntries, Kind::kNames}) {
    if (folder == FolderOf(kind)) tile.kind = kind;
  }
  if (tile.kind == Kind::kHashes) {
    const auto level = Number(folder);
    if (!level || *level > kLevelMax) return std::nullopt;
    tile.level = static_cast<int>(*level);
  }
  if (const std::size_t dot = rest.find(kPartial); dot != std::string_view::npos) {
    const auto width = Number(rest.substr(dot + kPartial.size()));
    if (!width || *width < 1 || *width >= kWidth) return std::nullopt;
    tile.width = static_cast<unsigned>(*width);
    rest = rest.substr(0, dot);
  }
  const auto index = ParseIndex(rest);
  if (!index) return std::nullopt;
  tile.index = *index;
  if (Path(tile) != path) return std::nullopt;
  return tile;
}

std::uint64_t HashesAt(std::uint64_t size, int level) {
  MUST(level >= 0 && level <= kLevelMax);
  return level < 8 ? size >> (8 * level) : 0;
}

unsigned WidthIn(std::uint64_t size, int level, std::uint64_t index) {
  MUST(index < kIndexEnd);
  const std::uint64_t hashes = HashesAt(size, level);
  const std::uint64_t first = index * kWidth;
  return hashes <= first ? 0
                         : static_cast<unsigned>(std::min<std::uint64_t>(hashes - first, kWidth));
}

namespace {

void AppendNew(Kind kind, int level, std::uint64_t before, std::uint64_t after,
               std::vector<Tile>& out) {
  const std::uint64_t from = HashesAt(before, level), to = HashesAt(after, level);
  if (from >= to) return;
  for (std::uint64_t index = from / kWidth; index * kWidth < to; ++index) {
    out.push_back({kind, level, index, WidthIn(after, level, index)});
  }
}

}  // namespace

std::vector<Tile> NewHashTiles(std::uint64_t before, std::uint64_t after) {
  std::vector<Tile> out;
  for (int level = 0; HashesAt(after, level) > 0; ++level) {
    AppendNew(Kind::kHashes, level, before, after, out);
  }
  return out;
}

std::vector<Tile> NewEntryTiles(Kind kind, std::uint64_t before, std::uint64_t after) {
  MUST(kind != Kind::kHashes);
  std::vector<Tile> out;
  AppendNew(kind, 0, before, after, out);
  return out;
}

void AppendTileLeaf(Bytes& tile, BytesView leaf, BytesView precertificate,
                    const std::vector<Hash>& chain) {
  MUST(leaf.size() > std::size(kLeafHead) && Equal(leaf.first(std::size(kLeafHead)), kLeafHead));
  tls::Put(tile, leaf.subspan(std::size(kLeafHead)));
  tls::PutOpaque<3>(tile, precertificate);
  tls::PutUint<2>(tile, chain.size() * sizeof(Hash));
  for (const Hash& fingerprint : chain) tls::Put(tile, fingerprint);
}

namespace {

// The octets of one TimestampedEntry of a precertificate, given as a MerkleTreeLeaf.
std::optional<Bytes> TakeLeaf(BytesView& rest) {
  constexpr std::size_t kBeforeTbs = 8 + 2 + sizeof(Hash);  // u64 ms, u16 entry_type, key hash
  tls::Reader reader(rest);
  if (!reader.Take(kBeforeTbs)) return std::nullopt;
  const auto tbs = reader.Opaque<3>();
  const auto extensions = tbs ? reader.Opaque<2>() : std::nullopt;
  if (!extensions) return std::nullopt;
  const std::size_t size = kBeforeTbs + 3 + tbs->size() + 2 + extensions->size();
  Bytes leaf(std::begin(kLeafHead), std::end(kLeafHead));
  tls::Put(leaf, rest.first(size));
  rest = rest.subspan(size);
  if (!ParseLeaf(leaf)) return std::nullopt;
  return leaf;
}

}  // namespace

Result<std::vector<TileLeaf>> ParseDataTile(BytesView tile) {
  std::vector<TileLeaf> out;
  BytesView rest = tile;
  while (!rest.empty()) {
    if (out.size() == kWidth) return Bad("more than 256 leaves");
    auto leaf = TakeLeaf(rest);
    if (!leaf) return Bad("not the TimestampedEntry of a precertificate");
    tls::Reader reader(rest);
    const auto precertificate = reader.Opaque<3>();
    const auto chain = precertificate ? reader.Opaque<2>() : std::nullopt;
    if (!chain || chain->size() % sizeof(Hash) != 0) return Bad("not a chain of fingerprints");
    rest = rest.subspan(3 + precertificate->size() + 2 + chain->size());
    TileLeaf& added =
        out.emplace_back(TileLeaf{*std::move(leaf), CertDer(ToBytes(*precertificate)), {}});
    added.chain.resize(chain->size() / sizeof(Hash));
    for (std::size_t i = 0; i < added.chain.size(); ++i) {
      std::ranges::copy(chain->subspan(i * sizeof(Hash), sizeof(Hash)), added.chain[i].begin());
    }
  }
  if (out.empty()) return Bad("no leaf");
  return out;
}

void AppendEntry(Bytes& bundle, BytesView entry) { tls::PutOpaque<2>(bundle, entry); }

Result<std::vector<BytesView>> ParseEntryBundle(BytesView bundle) {
  std::vector<BytesView> out;
  tls::Reader reader(bundle);
  while (!reader.AtEnd()) {
    if (out.size() == kWidth) return Bad("more than 256 entries");
    const auto entry = reader.Opaque<2>();
    if (!entry) return Bad("an entry is cut short");
    out.push_back(*entry);
  }
  if (out.empty()) return Bad("no entry");
  return out;
}

std::string NamesLine(TimeMs timestamp, const San& san, std::string_view issuer) {
  const std::int64_t ms = timestamp.time_since_epoch().count();
  MUST(ms >= 0);
  JsonWriter json;
  const auto name = [&](San::Kind kind, std::string_view field) {
    if (san.kind != kind) return;
    json.Name(field);
    json.BeginArray();
    json.Text(san.value);
    json.EndArray();
  };
  json.BeginObject();
  name(San::Kind::kEmail, "Email");
  json.Name("Issuer");
  json.Text(issuer);
  name(San::Kind::kOtherName, "OtherName");
  json.Name("Timestamp");
  json.Number(static_cast<std::uint64_t>(ms));
  name(San::Kind::kUri, "URI");
  json.EndObject();
  return std::move(json).Take() + "\n";
}

}  // namespace schema::tile
