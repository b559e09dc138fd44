#include "hsm/pin_memory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "schema/base/bytes.h"
#include "schema/base/file.h"

namespace hsm {

namespace fs = std::filesystem;

std::optional<PinTried> LookAtPin(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;
  return StampOf(status);
}

namespace {

fs::path FileOf(const fs::path& state, const char* what, const PinSource& source) {
  constexpr std::size_t kNameBytes = 8;
  const schema::Hash hash = schema::Sha256(schema::AsBytes(source.Key()));
  return state / (what + schema::Hex(schema::BytesView(hash).first(kNameBytes)));
}

}  // namespace

fs::path RefusedPinFile(const fs::path& state, const PinSource& source) {
  return FileOf(state, "pin-refused-", source);
}

Descriptor TakePinTurn(const fs::path& state, const PinSource& source) {
  if (state.empty()) return {};  // a command that was given no configuration
  const fs::path file = FileOf(state, "pin-turn-", source);
  Descriptor turn(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (turn.get() < 0) return turn;
  while (::flock(turn.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  return turn;
}

void RememberRefusedPin(const fs::path& state, const PinSource& source, const PinTried& tried) {
  // What cannot be remembered is tried once more at the next start.
  static_cast<void>(schema::ReplaceFile(RefusedPinFile(state, source), tried.text + "\n"));
}

std::optional<PinTried> RecallRefusedPin(const fs::path& state, const PinSource& source) {
  std::ifstream in(RefusedPinFile(state, source));
  PinTried tried;
  if (!std::getline(in, tried.text) || tried.text.empty()) return std::nullopt;
  return tried;
}

void ForgetRefusedPin(const fs::path& state, const PinSource& source) {
  std::error_code ignored;
  fs::remove(RefusedPinFile(state, source), ignored);
}

bool IsRefusedPin(const PinTried& refused, const ReadPinResult& read) {
  if (const auto salt = SaltOf(refused)) return MarkOf(read.pin, *salt) == refused;
  return refused == read.tried;
}

}  // namespace hsm
