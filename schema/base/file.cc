#include "schema/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "schema/base/openssl.h"

namespace schema {

const ErrorKind kFileUnreadable{"file-unreadable", Fault::kUs,
                                "a file the server needs cannot be read; see its log"};
const ErrorKind kFileUnwritable{"file-unwritable", Fault::kUs,
                                "a file cannot be written; see to its directory and disk"};

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

Error Unwritable(const std::filesystem::path& path) {
  return Error{&kFileUnwritable, path.string() + ": " + std::generic_category().message(errno)};
}

// Everything, to the disk.
bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return ::fsync(fd) == 0;
}

// A new name is durable when its directory is.
bool SyncDirectoryOf(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.get() >= 0 && ::fsync(directory.get()) == 0;
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

Result<Hash> FileDigest(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return Unreadable(path, SystemReason());
  const OwnedDigestContext context(EVP_MD_CTX_new());
  MUST(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  std::array<char, 64 * 1024> block;
  for (;;) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable(path, SystemReason());
    if (got == 0) break;
    MUST(EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(got)) == 1);
  }
  Hash out{};
  MUST(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
  return out;
}

Outcome AppendFile(const std::filesystem::path& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0 || !WriteAll(file.get(), text) || !SyncDirectoryOf(path)) {
    return Unwritable(path);
  }
  return Ok();
}

Outcome ReplaceFile(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path fresh = path.string() + ".new";
  const Descriptor file(
      ::open(fresh.c_str(), O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (file.get() < 0 || !WriteAll(file.get(), text)) return Unwritable(fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0 || !SyncDirectoryOf(path)) return Unwritable(path);
  return Ok();
}

}  // namespace schema
