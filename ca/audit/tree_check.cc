#include "ca/audit/tree_check.h"

#include <algorithm>

#include "ca/audit/read_tile.h"

namespace ca::audit {

using schema::Bytes;
using schema::Outcome;
using schema::tile::Kind;
using schema::tile::Tile;

Outcome TreeCheck::Append(const schema::Hash& leaf, Findings& findings) {
  stored_.clear();
  frontier_.Append(leaf, stored_);
  for (const auto& [level, index, hash] : stored_) {
    if (level == 0) continue;
    Bytes& hashes = levels_[level].hashes;
    hashes.insert(hashes.end(), hash.begin(), hash.end());
    if (hashes.size() == schema::tile::kWidth * hash.size()) TRY(Compare(level, findings));
  }
  return schema::Ok();
}

Outcome TreeCheck::Compare(int level, Findings& findings) {
  Level& mine = levels_[level];
  const Tile tile{Kind::kHashes, level, mine.tile,
                  static_cast<unsigned>(mine.hashes.size() / sizeof(schema::Hash))};
  TRY(Bytes published, ReadTile(source_, tile));
  published.resize(std::min(published.size(), mine.hashes.size()));
  if (published != mine.hashes) {
    findings.Add("tile-differs", log_ + ' ' + schema::tile::Path(tile),
                 "not the hashes of what is below it");
  }
  ++mine.tile;
  mine.hashes.clear();
  return schema::Ok();
}

Outcome TreeCheck::Finish(const schema::Hash& root, Findings& findings) {
  for (const auto& [level, mine] : levels_) {
    if (!mine.hashes.empty()) TRY(Compare(level, findings));
  }
  if (frontier_.size() != size_ || frontier_.Root() != root) {
    findings.Add("root-differs", log_ + " checkpoint",
                 "its " + std::to_string(size_) + " entries make another root");
  }
  return schema::Ok();
}

}  // namespace ca::audit
