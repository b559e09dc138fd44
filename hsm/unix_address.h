// The address of a socket in the file system, as the calls of sockets(7) want it.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>

#include "schema/base/result.h"

namespace hsm {

class UnixAddress {
 public:
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  static constexpr socklen_t size() { return sizeof(sockaddr_un); }

 private:
  friend schema::Result<UnixAddress> UnixAddressOf(const std::filesystem::path& path);
  sockaddr_un address_{};
};

// kKeyUnusable for a path that does not fit.
schema::Result<UnixAddress> UnixAddressOf(const std::filesystem::path& path);

}  // namespace hsm
