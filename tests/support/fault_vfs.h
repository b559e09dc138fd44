// An SQLite file layer over the system's that fails on command, so that SQLite's own recovery is in
// the test. Registered under kFaultVfs by its first use; one plan for the process.
#pragma once

#include <string>

namespace support {

inline constexpr const char* kFaultVfs = "fault";

enum class FaultAt { kWrite, kSync, kTruncate, kShmMap };

// Registers the layer if need be. The `nth` call from now on (1: the next) of this kind fails with
// the SQLite code; when `sticky`, all after it as well.
void PlanFault(FaultAt at, int nth, int sqlite_code, bool sticky);
void EndFaults();
// Whether the planned call was reached.
bool FaultHappened();
void RegisterFaultVfs();

}  // namespace support
