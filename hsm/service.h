// What a service manager tells a supervisor, and is told by it (sd_listen_fds(3), sd_notify(3)).
#pragma once

#include <optional>

#include "hsm/channel.h"
#include "schema/base/result.h"

namespace hsm {

// The socket that was bound for this process, if any was: a listening stream in the file system.
// kKeyUnusable for anything else. Once.
schema::Result<std::optional<Descriptor>> SocketOfService();

// Nothing happens without a manager.
void TellService(const char* state);  // "READY=1", "STOPPING=1"

}  // namespace hsm
