#include "hsm/pin.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "hsm/channel.h"
#include "hsm/custody.h"
#include "hsm/pin_command.h"
#include "hsm/pin_prompt.h"
#include "hsm/private_file.h"
#include "schema/base/bytes.h"

namespace hsm {

using schema::Error;
using schema::Outcome;
using schema::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMark = "mark ";
constexpr std::size_t kSaltBytes = 16;

Error Unusable(const std::string& where, const std::string& why) {
  return Error{&kKeyUnusable, where + ": " + why};
}

std::string NewSalt() {
  std::array<std::uint8_t, kSaltBytes> salt{};
  MUST(RAND_bytes(salt.data(), static_cast<int>(salt.size())) == 1);
  return schema::Hex(salt);
}

Result<ReadPinResult> ReadFile(const fs::path& file, bool by_content) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) {
    return Unusable(file.string(), std::generic_category().message(errno));
  }
  TRY(CheckPrivate(fd.get(), status, file));
  PinReader reader;
  TRY(reader.Fill(fd.get(), file.string()));
  ReadPinResult result;
  TRY(result.pin, reader.Take(file.string()));
  result.tried = by_content ? MarkOf(result.pin, NewSalt()) : StampOf(status);
  return result;
}

Result<ReadPinResult> Marked(Result<Pin> pin) {
  if (!pin) return std::move(pin).error();
  ReadPinResult result;
  result.pin = *std::move(pin);
  result.tried = MarkOf(result.pin, NewSalt());
  return result;
}

}  // namespace

Pin::Pin(Pin&& other) noexcept : text_(other.text_) { other.Wipe(); }

Pin& Pin::operator=(Pin&& other) noexcept {
  text_ = other.text_;
  if (this != &other) other.Wipe();
  return *this;
}

void Pin::Wipe() noexcept { explicit_bzero(text_.data(), text_.size()); }

void PinReader::Untake(std::size_t octets) {
  const std::size_t gone = std::min(octets, size_);
  size_ -= gone;
  explicit_bzero(data(), gone);
}

Outcome PinReader::Fill(int fd, const std::string& where) {
  while (room() > 0) {
    const ssize_t got = ::read(fd, data(), room());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unusable(where, std::generic_category().message(errno));
    if (got == 0) break;
    Took(static_cast<std::size_t>(got));
  }
  return schema::Ok();
}

Result<Pin> PinReader::Take(const std::string& where) {
  char* const text = pin_.text_.data();
  if (size_ > 0 && text[size_ - 1] == '\n') text[--size_] = '\0';
  if (size_ > 0 && text[size_ - 1] == '\r') text[--size_] = '\0';
  if (size_ == 0) return Unusable(where, "empty");
  if (size_ > kPinBytesMax) return Unusable(where, "longer than 255 octets");
  if (std::strlen(text) != size_) return Unusable(where, "holds a NUL");
  return std::move(pin_);
}

PinTried StampOf(const struct stat& status) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  const std::int64_t modified = status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec;
  return {"file " + std::to_string(status.st_dev) + " " + std::to_string(status.st_ino) + " " +
          std::to_string(modified) + " " + std::to_string(status.st_size)};
}

std::optional<std::string> SaltOf(const PinTried& tried) {
  std::string_view rest = tried.text;
  if (!rest.starts_with(kMark)) return std::nullopt;
  rest.remove_prefix(kMark.size());
  return std::string(rest.substr(0, rest.find(' ')));
}

PinTried MarkOf(const Pin& pin, const std::string& salt) {
  schema::Bytes input = schema::ToBytes(schema::AsBytes(salt));
  input.insert(input.end(), pin.c_str(), pin.c_str() + std::strlen(pin.c_str()));
  const schema::Hash hash = schema::Sha256(input);
  explicit_bzero(input.data(), input.size());
  return {std::string(kMark) + salt + " " + schema::Hex(schema::BytesView(hash).first(1))};
}

Result<ReadPinResult> ReadPin(const PinSource& source, int entered) {
  switch (source.kind) {
    case PinKind::kNone:
      break;
    case PinKind::kFile:
      return ReadFile(source.file, false);
    case PinKind::kCredential: {
      // A credential is another file at every start of its service: only its content can tell.
      const char* directory = ::getenv("CREDENTIALS_DIRECTORY");
      if (directory != nullptr) return ReadFile(fs::path(directory) / source.file, true);
      return Unusable(source.Text(),
                      "no $CREDENTIALS_DIRECTORY; systemd sets it for a unit with LoadCredential=");
    }
    case PinKind::kCommand:
      return Marked(RunPinCommand(source.command));
    case PinKind::kPrompt:
      return Marked(entered >= 0 ? ReadEnteredPin(entered) : AskForPin(source.asks_for));
  }
  return Unusable("pin-source", "there is none");
}

}  // namespace hsm
