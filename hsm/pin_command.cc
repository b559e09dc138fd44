#include "hsm/pin_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "hsm/channel.h"
#include "hsm/custody.h"
#include "schema/base/time.h"

extern char** environ;

namespace hsm {

using schema::Error;
using schema::Outcome;
using schema::Result;
using schema::Steady;
using std::chrono::milliseconds;

namespace {

// The program and all that it starts, in a process group of their own.
class Run {
 public:
  explicit Run(pid_t group) : group_(group) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    ::kill(-group_, SIGKILL);
    if (!ended_) ::waitpid(group_, nullptr, 0);
  }
  // Its status as waitpid has it; nothing when it still runs at `deadline`.
  std::optional<int> Status(Steady::time_point deadline) {
    for (int status = 0;;) {
      if (::waitpid(group_, &status, WNOHANG) == group_) {
        ended_ = true;
        return status;
      }
      if (Steady::now() >= deadline) return std::nullopt;
      std::this_thread::sleep_for(milliseconds(2));
    }
  }

 private:
  const pid_t group_;
  bool ended_ = false;
};

int Spawn(const std::vector<std::string>& words, int output, pid_t& pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  MUST(posix_spawn_file_actions_init(&files) == 0 && posix_spawnattr_init(&attributes) == 0);
  MUST(posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0);
  MUST(posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO) == 0);
  MUST(posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0);
  MUST(posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1) == 0);
  MUST(posix_spawnattr_setsigmask(&attributes, &none) == 0);
  MUST(posix_spawnattr_setsigdefault(&attributes, &all) == 0);
  MUST(posix_spawnattr_setpgroup(&attributes, 0) == 0);
  MUST(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                 POSIX_SPAWN_SETPGROUP) == 0);
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int error =
      ::posix_spawn(&pid, arguments[0], &files, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return error;
}

// Until its end, or more than a PIN has come. false: it takes too long.
bool ReadAll(int fd, PinReader& reader, Steady::time_point deadline) {
  while (reader.room() > 0) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Steady::now()).count();
    pollfd wait{fd, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&wait, 1, static_cast<int>(left)) : 0;
    if (ready == 0) return false;
    if (ready < 0) continue;
    const ssize_t got = ::read(fd, reader.data(), reader.room());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    reader.Took(static_cast<std::size_t>(got));
  }
  return true;
}

std::string Ending(int status) {
  if (WIFSIGNALED(status)) return "ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Result<Pin> RunPinCommand(const std::vector<std::string>& words, milliseconds within) {
  const std::string where = "command " + words.front();
  const auto unusable = [&where](const std::string& why) {
    return Error{&kKeyUnusable, where + ": " + why};
  };
  const auto deadline = Steady::now() + within;
  int ends[2];
  MUST(::pipe2(ends, O_CLOEXEC) == 0);
  const Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  pid_t pid = 0;
  if (const int error = Spawn(words, theirs.get(), pid); error != 0) {
    return unusable(std::generic_category().message(error));
  }
  Run run(pid);
  theirs.Close();
  PinReader reader;
  const bool whole = ReadAll(ours.get(), reader, deadline);
  // A PIN that is too long is said to be so; what the program would still write is not waited for.
  if (whole && reader.room() == 0) return reader.Take(where);
  const auto status = whole ? run.Status(deadline) : std::nullopt;
  if (!status) return unusable("no PIN within " + schema::FormatDuration(within));
  if (*status != 0) return unusable(Ending(*status));
  return reader.Take(where);
}

}  // namespace hsm
