// What was published last, in a file beside the database (`published`), so that a database that is
// lost, cut short or older is noticed at start. It says nothing when the whole directory is put
// back from a backup: that is for witnesses and shipped checkpoints.
//
//   certificates <size> <root, base64>
//   events <size> <root, base64>
#pragma once

#include <filesystem>
#include <vector>

#include "ca/log/store.h"
#include "schema/base/result.h"

namespace ca {

struct Published {
  LogName log;
  std::uint64_t size;
  schema::Hash root;
  friend bool operator==(const Published&, const Published&) = default;
};
using Mark = std::vector<Published>;  // one of each log, or none

// Replaces the file, whole or not at all, with an fsync. kStateGone.
schema::Outcome WriteMark(const std::filesystem::path& state, const Mark& mark);
// None where there is no file. kInconsistent for one that WriteMark did not write.
schema::Result<Mark> ReadMark(const std::filesystem::path& state);
// kInconsistent when no shard of that log had this root at that size: the one that is written is
// shorter or another tree. What was published last may be of the shard before, if a new one has
// been opened since. `shards`: Store::Shards.
schema::Outcome CompareWithMark(Store& store, const std::vector<ShardRow>& shards,
                                const Mark& mark);

}  // namespace ca
