// The PIN: read in signer processes only, kept as short as can be, wiped.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "hsm/pin_source.h"
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
  friend class PinReader;
  // One octet more than allowed, so that a longer PIN is seen as such; the last stays 0.
  std::array<char, kPinBytesMax + 2> text_{};
};

// Fills a Pin from wherever it comes, and says what is no PIN.
class PinReader {
 public:
  // Where the next octets go, and how many are welcome; 0: it is too long already.
  char* data() { return pin_.text_.data() + size_; }
  std::size_t room() const { return pin_.text_.size() - 1 - size_; }
  void Took(std::size_t octets) { size_ += octets; }
  void Untake(std::size_t octets);  // the last ones, as many as there are
  // Everything that `fd`, which does not make anyone wait, holds.
  schema::Outcome Fill(int fd, const std::string& where);
  // kKeyUnusable unless it is 1 to 255 octets without NUL; one newline (LF or CRLF) at its end is
  // not part of it.
  schema::Result<Pin> Take(const std::string& where);

 private:
  Pin pin_;
  std::size_t size_ = 0;
};

// Which PIN was tried, without saying it: "file …", a file's content by its stamps, or "mark …",
// the PIN by a few bits of a salted hash (hsm/pin_memory.h).
struct PinTried {
  std::string text;
  friend bool operator==(const PinTried&, const PinTried&) = default;
};
PinTried StampOf(const struct stat& status);
std::optional<std::string> SaltOf(const PinTried& tried);  // of a mark
PinTried MarkOf(const Pin& pin, const std::string& salt);

struct ReadPinResult {
  Pin pin;
  PinTried tried;
};
// The PIN of a source. kKeyUnusable, with what to look at and never with what it said:
//
//   kFile, kCredential   no regular file, or one that group and others can read or write
//   kCommand             it cannot be run, ended otherwise than with exit code 0, wrote too much or
//                        took longer than kPinCommandTime (hsm/pin_command.h)
//   kPrompt              nobody could be asked. `entered`: where the answer of a person who was
//                        asked before lies (hsm/pin_prompt.h), or -1 to ask now
schema::Result<ReadPinResult> ReadPin(const PinSource& source, int entered = -1);

}  // namespace hsm
