#include "hsm/pin.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

#include "hsm/channel.h"
#include "hsm/custody.h"
#include "hsm/private_file.h"

namespace hsm {

using schema::Error;
using schema::Result;

namespace {

Error Unusable(const std::filesystem::path& file, const std::string& why) {
  return Error{&kKeyUnusable, file.string() + ": " + why};
}

PinSource SourceOf(const struct stat& status) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return {status.st_dev, status.st_ino,
          status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec,
          static_cast<std::uint64_t>(status.st_size)};
}

}  // namespace

Pin::Pin(Pin&& other) noexcept : text_(other.text_) { other.Wipe(); }

Pin& Pin::operator=(Pin&& other) noexcept {
  text_ = other.text_;
  if (this != &other) other.Wipe();
  return *this;
}

void Pin::Wipe() noexcept { explicit_bzero(text_.data(), text_.size()); }

std::optional<PinSource> LookAtPin(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;
  return SourceOf(status);
}

namespace {

// One for each PIN file: "STATE/pin-refused-0123456789abcdef".
std::filesystem::path MemoryOf(const std::filesystem::path& state,
                               const std::filesystem::path& file) {
  constexpr std::size_t kNameBytes = 8;
  const schema::Hash hash = schema::Sha256(schema::AsBytes(file.string()));
  return state / ("pin-refused-" + schema::Hex(schema::BytesView(hash).first(kNameBytes)));
}

}  // namespace

void RememberRefusedPin(const std::filesystem::path& state, const std::filesystem::path& file,
                        const PinSource& tried) {
  std::error_code ignored;
  const auto memory = MemoryOf(state, file);
  const auto fresh = memory.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << tried.device << ' ' << tried.inode << ' ' << tried.modified_ns << ' ' << tried.size
        << '\n';
    if (!out.flush()) return;
  }
  std::filesystem::rename(fresh, memory, ignored);
}

std::optional<PinSource> RecallRefusedPin(const std::filesystem::path& state,
                                          const std::filesystem::path& file) {
  std::ifstream in(MemoryOf(state, file));
  PinSource tried;
  if (!(in >> tried.device >> tried.inode >> tried.modified_ns >> tried.size)) return std::nullopt;
  return tried;
}

void ForgetRefusedPin(const std::filesystem::path& state, const std::filesystem::path& file) {
  std::error_code ignored;
  std::filesystem::remove(MemoryOf(state, file), ignored);
}

struct PinReader {
  static schema::Outcome Fill(int fd, const std::filesystem::path& file, Pin& pin) {
    // One octet more than allowed, so that a longer file is seen as such; the last stays 0.
    std::size_t size = 0;
    for (const std::size_t room = pin.text_.size() - 1; size < room;) {
      const ssize_t got = ::read(fd, pin.text_.data() + size, room - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Unusable(file, std::generic_category().message(errno));
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    if (size > 0 && pin.text_[size - 1] == '\n') pin.text_[--size] = '\0';
    if (size > 0 && pin.text_[size - 1] == '\r') pin.text_[--size] = '\0';
    if (size == 0) return Unusable(file, "empty");
    if (size > kPinBytesMax) return Unusable(file, "longer than 255 octets");
    if (std::strlen(pin.text_.data()) != size) return Unusable(file, "holds a NUL");
    return schema::Ok();
  }
};

Result<ReadPinResult> ReadPin(const std::filesystem::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) {
    return Unusable(file, std::generic_category().message(errno));
  }
  TRY(CheckPrivate(fd.get(), status, file));
  ReadPinResult result;
  result.source = SourceOf(status);
  TRY(PinReader::Fill(fd.get(), file, result.pin));
  return result;
}

}  // namespace hsm
