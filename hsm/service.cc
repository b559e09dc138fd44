#include "hsm/service.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "hsm/custody.h"

namespace hsm {

schema::Result<std::optional<Descriptor>> SocketOfService() {
  const int count = ::sd_listen_fds(1);
  if (count == 0) return std::optional<Descriptor>();
  Descriptor socket(SD_LISTEN_FDS_START);
  if (count != 1 || ::sd_is_socket(socket.get(), AF_UNIX, SOCK_STREAM, 1) <= 0) {
    return schema::Error{&kKeyUnusable,
                         "hsm.socket: the socket unit has to have one ListenStream= with a path"};
  }
  return std::optional<Descriptor>(std::move(socket));
}

void TellService(const char* state) { ::sd_notify(0, state); }

}  // namespace hsm
