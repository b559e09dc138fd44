// A disk that loses power: SQLite's default file layer while one of these lives, on real files.
//
// It keeps what was synced of every file and of their directory, and each write, truncation,
// creation and deletion since. After the cut every operation fails until Restore, which leaves on
// the file system what a disk may have: what was synced, and of each change after it all, nothing,
// or some of its sectors. Octets beside a write are never harmed (SQLite's powersafe overwrite).
// An fsync of a directory by the program counts too.
// Nothing is really synced, so a thousand cuts take seconds. Locks and shared memory are the
// system's. Thread-safe, but for Restore.
#pragma once

#include <cstdint>
#include <memory>
#include <random>

namespace support {

struct PowerCutDisk;

class PowerCut {
 public:
  // One at a time, and no database is open then or at the end.
  PowerCut();
  ~PowerCut();
  PowerCut(const PowerCut&) = delete;

  // The `nth` operation from now on that changes a file (1: the next) is not finished, and none
  // after it begins.
  void At(std::uint64_t nth);
  bool IsOff() const;
  // Every connection is closed. What was lost is decided by `random`.
  void Restore(std::mt19937_64& random);

 private:
  std::unique_ptr<PowerCutDisk> disk_;
};

}  // namespace support
