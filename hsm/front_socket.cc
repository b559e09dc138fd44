#include "hsm/front_socket.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <vector>

#include "hsm/custody.h"
#include "hsm/service.h"
#include "hsm/unix_address.h"

namespace hsm {

using schema::Error;
using schema::Result;
namespace fs = std::filesystem;

namespace {

constexpr int kBacklog = 64;

Error Unusable(const fs::path& path, const std::string& why) {
  return Error{&kKeyUnusable, "hsm.socket: " + path.string() + ": " + why};
}

Error Unusable(const fs::path& path, int code) {
  return Unusable(path, std::generic_category().message(code));
}

bool SomebodyListens(const UnixAddress& address) {
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), address.get(), UnixAddress::size()) == 0 || errno == EAGAIN;
}

}  // namespace

Result<Listener> ListenForFront(const fs::path& path) {
  TRY(std::optional<Descriptor> passed, SocketOfService());
  if (passed) {
    if (::fcntl(passed->get(), F_SETFL, O_NONBLOCK) != 0) return Unusable(path, errno);
    return Listener{*std::move(passed), false};
  }
  TRY(const UnixAddress address, UnixAddressOf(path));
  Listener out{Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), true};
  const int fd = out.socket.get();
  if (fd < 0) return Unusable(path, errno);
  if (::bind(fd, address.get(), UnixAddress::size()) != 0) {
    if (errno != EADDRINUSE) return Unusable(path, errno);
    if (SomebodyListens(address)) return Unusable(path, "another supervisor listens there");
    struct stat left {};
    if (::lstat(path.c_str(), &left) != 0 || !S_ISSOCK(left.st_mode)) {
      return Unusable(path, "something else than a socket is there");
    }
    if (::unlink(path.c_str()) != 0) return Unusable(path, errno);
    if (::bind(fd, address.get(), UnixAddress::size()) != 0) return Unusable(path, errno);
  }
  // The directory and the group keep others away; who may have a signer is asked of the kernel.
  if (::chmod(path.c_str(), 0660) != 0 || ::listen(fd, kBacklog) != 0) {
    return Unusable(path, errno);
  }
  return out;
}

Result<uid_t> UserOf(const std::string& name) {
  uid_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error == std::errc() && stop == end) return number;
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(16 * 1024);
  const int code = ::getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found);
  if (found != nullptr) return found->pw_uid;
  return Error{&kKeyUnusable, "hsm.front: no user '" + name + "'" +
                                  (code == 0 ? "" : ": " + std::generic_category().message(code)) +
                                  "; name the one that serve runs as, or its number"};
}

ucred PeerOf(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  MUST(::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0);
  return peer;
}

}  // namespace hsm
