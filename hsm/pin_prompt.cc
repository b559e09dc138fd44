#include "hsm/pin_prompt.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "hsm/custody.h"
#include "hsm/harden.h"
#include "hsm/sealed.h"

extern char** environ;

namespace hsm {

using schema::Error;
using schema::Result;

namespace {

constexpr const char* kTerminal = "/dev/tty";
constexpr int kAnswerFd = 3;

Error Unusable(const std::string& why) { return Error{&kKeyUnusable, "the terminal: " + why}; }

Error NoTerminal() {
  return Unusable("there is none to ask for the PIN on (" + std::generic_category().message(errno) +
                  "); start by hand, or use pin-source=credential:NAME or file:PATH");
}

// Neither echo nor signals nor lines, as long as it lives: a Ctrl-C that ended the process would
// leave the terminal without its echo.
class QuietTerminal {
 public:
  explicit QuietTerminal(int fd) : fd_(fd) {
    MUST(::tcgetattr(fd_, &before_) == 0);
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ISIG | ICANON);
    quiet.c_iflag |= ICRNL;
    MUST(::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  ~QuietTerminal() { ::tcsetattr(fd_, TCSAFLUSH, &before_); }

 private:
  const int fd_;
  termios before_{};
};

void Say(int terminal, std::string_view text) {
  // A terminal that does not take it shows nothing, and the person sees that.
  if (::write(terminal, text.data(), text.size()) < 0) return;
}

// Octet by octet until the end of the line. false: the person gave up, or the terminal went away.
bool ReadLine(int terminal, PinReader& reader) {
  constexpr char kInterrupt = 3, kEnd = 4, kBackspace = 8, kClear = 21, kDelete = 127;
  while (reader.room() > 0) {
    char* const key = reader.data();
    const ssize_t got = ::read(terminal, key, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || *key == kInterrupt || *key == kEnd) return false;
    if (*key == kBackspace || *key == kDelete) {
      reader.Untake(1);
    } else if (*key == kClear) {
      reader.Untake(kPinBytesMax);
    } else {
      const bool done = *key == '\n';
      reader.Took(1);
      if (done) return true;
    }
  }
  return true;  // too long, which Take says
}

// Waits for as long as a person needs.
int WaitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

}  // namespace

Result<Pin> AskForPin(const std::string& what) {
  const Descriptor terminal(::open(kTerminal, O_RDWR | O_CLOEXEC));
  if (terminal.get() < 0) return NoTerminal();
  PinReader reader;
  bool entered = false;
  {
    const QuietTerminal quiet(terminal.get());
    Say(terminal.get(), "PIN of " + what + ": ");
    entered = ReadLine(terminal.get(), reader);
    Say(terminal.get(), "\n");
  }
  if (!entered) return Unusable("no PIN was entered");
  return reader.Take("the terminal");
}

Result<Descriptor> HaveAskedForPin(const std::filesystem::path& program, const std::string& what) {
  // The same answer as the other process would give, before there is one.
  if (Descriptor(::open(kTerminal, O_RDWR | O_CLOEXEC)).get() < 0) return NoTerminal();
  Descriptor file(::memfd_create("pin", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  MUST(file.get() >= 0);
  posix_spawn_file_actions_t files;
  MUST(posix_spawn_file_actions_init(&files) == 0);
  MUST(posix_spawn_file_actions_adddup2(&files, file.get(), kAnswerFd) == 0);
  MUST(posix_spawn_file_actions_addclosefrom_np(&files, kAnswerFd + 1) == 0);
  std::array<std::string, 6> words = {program.string(),         "signer", "--ask-pin", what, "--fd",
                                      std::to_string(kAnswerFd)};
  std::array<char*, words.size() + 1> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, program.c_str(), &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return Unusable(std::generic_category().message(error));
  if (WaitFor(pid) != 0) return Unusable("no PIN was entered");
  return Seal(file);
}

Result<Pin> ReadEnteredPin(int file) {
  PinReader reader;
  // Signers share the descriptor's offset, so it is not used.
  const ssize_t got = ::pread(file, reader.data(), reader.room(), 0);
  if (got < 0) return Unusable(std::generic_category().message(errno));
  reader.Took(static_cast<std::size_t>(got));
  return reader.Take("the terminal");
}

int RunAsker(const std::string& what, int file) {
  HardenProcess();
  const auto pin = AskForPin(what);
  if (!pin) {
    std::fprintf(stderr, "chancery: %s\n", pin.error().detail.c_str());
    return 1;
  }
  const std::size_t size = std::strlen(pin->c_str());
  return ::write(file, pin->c_str(), size) == static_cast<ssize_t>(size) ? 0 : 1;
}

}  // namespace hsm
