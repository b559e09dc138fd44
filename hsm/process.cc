#include "hsm/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "hsm/custody.h"

extern char** environ;

namespace hsm {

using schema::Error;
using schema::Result;

namespace {

constexpr int kSignerFd = 3;
constexpr int kPinFd = 4;
constexpr int kConfigFd = 5;

// The two attribute blocks of posix_spawn, freed together.
struct SpawnSettings {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;

  SpawnSettings(int socket, int entered_pin, int config_text) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    MUST(posix_spawn_file_actions_init(&files) == 0);
    MUST(posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0);
    MUST(posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0);
    MUST(posix_spawn_file_actions_adddup2(&files, socket, kSignerFd) == 0);
    const auto pass = [this](int fd, int as) {
      MUST((fd >= 0 ? posix_spawn_file_actions_adddup2(&files, fd, as)
                    : posix_spawn_file_actions_addclose(&files, as)) == 0);
    };
    pass(entered_pin, kPinFd);
    pass(config_text, kConfigFd);
    MUST(posix_spawn_file_actions_addclosefrom_np(&files, kConfigFd + 1) == 0);
    MUST(posix_spawnattr_init(&attributes) == 0);
    MUST(posix_spawnattr_setsigmask(&attributes, &none) == 0);
    MUST(posix_spawnattr_setsigdefault(&attributes, &all) == 0);
    MUST(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ==
         0);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

Result<pid_t> Start(int socket, const std::filesystem::path& program,
                    const std::filesystem::path& config_file, std::string_view role,
                    int entered_pin, std::string_view token, int config_text,
                    const std::vector<std::string>& more = {}) {
  const SpawnSettings settings(socket, entered_pin, config_text);
  std::vector<std::string> words = {
      program.string(), "signer",          "--config", config_file.string(),
      "--role",         std::string(role), "--fd",     std::to_string(kSignerFd)};
  if (!token.empty()) words.insert(words.end(), {"--token", std::string(token)});
  if (entered_pin >= 0) words.insert(words.end(), {"--pin-fd", std::to_string(kPinFd)});
  if (config_text >= 0) words.insert(words.end(), {"--config-fd", std::to_string(kConfigFd)});
  words.insert(words.end(), more.begin(), more.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &settings.files, &settings.attributes,
                                  arguments.data(), environ);
  if (error != 0) {
    return Error{&kSignerUnavailable,
                 program.string() + ": " + std::generic_category().message(error)};
  }
  return pid;
}

}  // namespace

SignerProcess::SignerProcess(SignerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), socket_(std::move(other.socket_)) {}

SignerProcess& SignerProcess::operator=(SignerProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(socket_, other.socket_);
  return *this;
}

Result<SignerProcess> SignerProcess::Spawn(const std::filesystem::path& program,
                                           const std::filesystem::path& config_file,
                                           std::string_view role, int entered_pin,
                                           std::string_view token, int config_text) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Error{&kSignerUnavailable, "socketpair: " + std::generic_category().message(errno)};
  }
  SignerProcess process;
  process.socket_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  TRY(process.pid_,
      Start(theirs.get(), program, config_file, role, entered_pin, token, config_text));
  return process;
}

Result<SignerProcess> SignerProcess::SpawnAt(Descriptor socket,
                                             const std::filesystem::path& program,
                                             const std::filesystem::path& config_file,
                                             std::string_view role, int entered_pin,
                                             std::string_view token) {
  SignerProcess process;
  process.socket_ = std::move(socket);
  TRY(process.pid_, Start(process.socket(), program, config_file, role, entered_pin, token, -1,
                          {"--parent", std::to_string(::getpid())}));
  return process;
}

SignerProcess SignerProcess::OfSupervisor(Descriptor socket) {
  SignerProcess process;
  process.socket_ = std::move(socket);
  return process;
}

void SignerProcess::SendKill() const {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

std::optional<int> SignerProcess::HasEnded() {
  int status = 0;
  if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = 0;
  socket_.Close();
  return status;
}

void SignerProcess::Kill() {
  socket_.Close();
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

void SignerProcess::Stop(std::chrono::milliseconds patience) {
  socket_.Close();
  const auto deadline = schema::Steady::now() + patience;
  while (pid_ > 0 && schema::Steady::now() < deadline) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
      pid_ = 0;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  Kill();
}

}  // namespace hsm
