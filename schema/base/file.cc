#include "schema/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace schema {

const ErrorKind kFileUnreadable{"file-unreadable", Fault::kUs,
                                "a file the server needs cannot be read; see its log"};

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error Unreadable(const std::filesystem::path& path, const std::string& reason) {
  return Error{&kFileUnreadable, path.string() + ": " + reason};
}

std::string SystemReason() { return std::generic_category().message(errno); }

}  // namespace

Result<std::string> ReadFile(const std::filesystem::path& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return Unreadable(path, SystemReason());
  std::string out;
  std::array<char, 16 * 1024> block;
  // Counted while reading: the size the system reports is not the size of a pipe or a growing file.
  for (;;) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable(path, SystemReason());
    if (got == 0) return out;
    if (static_cast<std::size_t>(got) > bytes_max - out.size()) {
      return Unreadable(path, "larger than " + std::to_string(bytes_max) + " bytes");
    }
    out.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace schema
