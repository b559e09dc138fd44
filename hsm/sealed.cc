#include "hsm/sealed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "hsm/custody.h"

namespace hsm {

namespace {

constexpr int kFirstFree = 16;

}  // namespace

Descriptor Seal(const Descriptor& file) {
  MUST(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) ==
       0);
  Descriptor moved(::fcntl(file.get(), F_DUPFD_CLOEXEC, kFirstFree));
  MUST(moved.get() >= 0);
  return moved;
}

Descriptor SealedText(const std::string& text) {
  const Descriptor file(::memfd_create("chancery.yaml", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  MUST(file.get() >= 0);
  MUST(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  return Seal(file);
}

schema::Result<std::string> ReadSealed(int fd) {
  struct stat status {};
  std::string text;
  if (::fstat(fd, &status) == 0) {
    text.resize(static_cast<std::size_t>(status.st_size));
    if (::pread(fd, text.data(), text.size(), 0) == status.st_size) return text;
  }
  return schema::Error{&kKeyUnusable, "--config-fd: " + std::generic_category().message(errno)};
}

}  // namespace hsm
