// A tree made anew from its leaf hashes, held against the hash tiles and the root that are
// published (C2SP tlog-tiles).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ca/audit/findings.h"
#include "ca/audit/source.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/log/merkle.h"
#include "schema/log/tile.h"

namespace ca::audit {

class TreeCheck {
 public:
  // `log` names it in findings; `source` outlives the check.
  TreeCheck(std::string log, const Source& source, std::uint64_t size)
      : log_(std::move(log)), source_(source), size_(size) {}

  // The leaf hashes in order. Tiles of level 1 and above are read as they become complete; those of
  // level 0 are for whoever hashes the leaves. Finds tile-differs. kUnreadable.
  schema::Outcome Append(const schema::Hash& leaf, Findings& findings);
  // After the last. Finds root-differs too.
  schema::Outcome Finish(const schema::Hash& root, Findings& findings);

 private:
  schema::Outcome Compare(int level, Findings& findings);

  const std::string log_;
  const Source& source_;
  const std::uint64_t size_;
  schema::merkle::Frontier frontier_;
  std::vector<schema::merkle::Frontier::Stored> stored_;
  struct Level {
    std::uint64_t tile = 0;
    schema::Bytes hashes;  // of the tile that is not complete yet
  };
  std::map<int, Level> levels_;  // from 1 on
};

}  // namespace ca::audit
