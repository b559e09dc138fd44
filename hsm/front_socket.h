// The socket that a supervisor listens on, and who is at the other end of its connections.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <filesystem>
#include <string>

#include "hsm/channel.h"
#include "schema/base/result.h"

namespace hsm {

// What systemd has bound for this process (LISTEN_FDS), or else a socket at `path`, for this user
// and its group; one that is left of a supervisor that was killed is replaced. kKeyUnusable when
// another supervisor listens there, or the directory is missing.
struct Listener {
  Descriptor socket;
  bool ours = false;  // bound here: to be removed at the end
};
schema::Result<Listener> ListenForFront(const std::filesystem::path& path);

// A user's number, from its name or the number itself. kKeyUnusable when there is no such user.
schema::Result<uid_t> UserOf(const std::string& name);

// Who connected, as the kernel saw it then (unix(7), SO_PEERCRED).
ucred PeerOf(int connection);

}  // namespace hsm
