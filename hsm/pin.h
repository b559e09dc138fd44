// The PIN: read in signer processes only, kept as short as can be, wiped.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "schema/base/result.h"

namespace hsm {

inline constexpr std::size_t kPinBytesMax = 255;

// Wiped when it dies and when it is moved from.
class Pin {
 public:
  Pin() = default;
  Pin(Pin&& other) noexcept;
  Pin& operator=(Pin&& other) noexcept;
  Pin(const Pin&) = delete;
  ~Pin() { Wipe(); }

  const char* c_str() const { return text_.data(); }
  void Wipe() noexcept;

 private:
  friend struct PinReader;
  std::array<char, kPinBytesMax + 2> text_{};
};

// Which content of a PIN file was tried: while it stays the same, a refused PIN is not tried again.
struct PinSource {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;  // nanoseconds since 1970
  std::uint64_t size = 0;
  friend bool operator==(const PinSource&, const PinSource&) = default;
};
std::optional<PinSource> LookAtPin(const std::filesystem::path& file);

// What a token refused, remembered in the state directory, so that a restart does not try it again.
// Remembering may fail (a full disk, no such directory yet): the process that was refused still
// knows. A credential of systemd is another file at every start of its service.
void RememberRefusedPin(const std::filesystem::path& state, const std::filesystem::path& file,
                        const PinSource& tried);
std::optional<PinSource> RecallRefusedPin(const std::filesystem::path& state,
                                          const std::filesystem::path& file);
void ForgetRefusedPin(const std::filesystem::path& state, const std::filesystem::path& file);

struct ReadPinResult {
  Pin pin;
  PinSource source;
};
// kKeyUnusable unless `file` is a regular file that group and others cannot read or write and holds
// 1 to 255 octets without NUL; one newline (LF or CRLF) at its end is not part of the PIN.
schema::Result<ReadPinResult> ReadPin(const std::filesystem::path& file);

}  // namespace hsm
