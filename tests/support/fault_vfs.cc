#include "tests/support/fault_vfs.h"

#include <sqlite3.h>

#include <mutex>

#include "schema/base/result.h"

namespace support {
namespace {

struct Plan {
  std::mutex mutex;
  FaultAt at = FaultAt::kWrite;
  int countdown = 0;  // 0: none
  int code = SQLITE_OK;
  bool sticky = false;
  bool happened = false;
};
Plan& ThePlan() {
  static Plan plan;
  return plan;
}

// The code to fail with now, or SQLITE_OK.
int Due(FaultAt at) {
  Plan& plan = ThePlan();
  std::lock_guard lock(plan.mutex);
  if (plan.at != at) return SQLITE_OK;
  if (plan.happened && plan.sticky) return plan.code;
  if (plan.countdown == 0 || --plan.countdown > 0) return SQLITE_OK;
  plan.happened = true;
  return plan.code;
}

struct File {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
sqlite3_file* Real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real(); }

sqlite3_vfs* System() {
  static sqlite3_vfs* const system = sqlite3_vfs_find("unix");
  return system;
}

int Close(sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); }
int Read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return Real(f)->pMethods->xRead(Real(f), to, n, at);
}
int Write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  if (const int code = Due(FaultAt::kWrite); code != SQLITE_OK) {
    // Half of it arrives, as on a real disk.
    if (n > 1) Real(f)->pMethods->xWrite(Real(f), from, n / 2, at);
    return code;
  }
  return Real(f)->pMethods->xWrite(Real(f), from, n, at);
}
int Truncate(sqlite3_file* f, sqlite3_int64 size) {
  if (const int code = Due(FaultAt::kTruncate); code != SQLITE_OK) return code;
  return Real(f)->pMethods->xTruncate(Real(f), size);
}
int Sync(sqlite3_file* f, int flags) {
  if (const int code = Due(FaultAt::kSync); code != SQLITE_OK) return code;
  return Real(f)->pMethods->xSync(Real(f), flags);
}
int FileSize(sqlite3_file* f, sqlite3_int64* size) {
  return Real(f)->pMethods->xFileSize(Real(f), size);
}
int Lock(sqlite3_file* f, int level) { return Real(f)->pMethods->xLock(Real(f), level); }
int Unlock(sqlite3_file* f, int level) { return Real(f)->pMethods->xUnlock(Real(f), level); }
int CheckReservedLock(sqlite3_file* f, int* out) {
  return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
}
int FileControl(sqlite3_file* f, int op, void* arg) {
  return Real(f)->pMethods->xFileControl(Real(f), op, arg);
}
int SectorSize(sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); }
int Device(sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); }
int ShmMap(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  if (const int code = Due(FaultAt::kShmMap); code != SQLITE_OK) return code;
  return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
}
int ShmLock(sqlite3_file* f, int offset, int n, int flags) {
  return Real(f)->pMethods->xShmLock(Real(f), offset, n, flags);
}
void ShmBarrier(sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); }
int ShmUnmap(sqlite3_file* f, int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); }

const sqlite3_io_methods kMethods = {
    2,           Close,      Read,    Write,   Truncate,
    Sync,        FileSize,   Lock,    Unlock,  CheckReservedLock,
    FileControl, SectorSize, Device,  ShmMap,  ShmLock,
    ShmBarrier,  ShmUnmap,   nullptr, nullptr,
};

int Open(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags, int* out) {
  auto* file = reinterpret_cast<File*>(f);
  file->base.pMethods = nullptr;
  const int code = System()->xOpen(System(), name, file->real(), flags, out);
  if (code == SQLITE_OK) file->base.pMethods = &kMethods;
  return code;
}

}  // namespace

void RegisterFaultVfs() {
  static const bool registered = [] {
    static sqlite3_vfs vfs = *System();
    vfs.zName = kFaultVfs;
    vfs.szOsFile = static_cast<int>(sizeof(File)) + System()->szOsFile;
    vfs.pNext = nullptr;
    vfs.xOpen = Open;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
  }();
  MUST(registered);
}

void PlanFault(FaultAt at, int nth, int sqlite_code, bool sticky) {
  RegisterFaultVfs();
  Plan& plan = ThePlan();
  std::lock_guard lock(plan.mutex);
  plan.at = at;
  plan.countdown = nth;
  plan.code = sqlite_code;
  plan.sticky = sticky;
  plan.happened = false;
}

void EndFaults() {
  Plan& plan = ThePlan();
  std::lock_guard lock(plan.mutex);
  plan.countdown = 0;
  plan.sticky = false;
}

bool FaultHappened() {
  std::lock_guard lock(ThePlan().mutex);
  return ThePlan().happened;
}

}  // namespace support
