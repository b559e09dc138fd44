#include "tests/hsm/supervised.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include "hsm/channel.h"
#include "hsm/unix_address.h"

extern char** environ;

namespace tests {

std::string SupervisedBy(const support::TempDirectory& place, std::string front) {
  if (front.empty()) front = std::to_string(::getuid());
  return "  socket: " + (place.path() / "socket").string() + "\n  front: " + front +
         "\n  state: " + place.path().string() + "\n";
}

Supervisor::Supervisor(const support::HsmState& state, const support::TempDirectory& place)
    : config_(state.config_file().string()),
      socket_((place.path() / "socket").string()),
      journal_((place.path() / "journal").string()) {
  Start();
}

void Supervisor::Start() {
  std::string program = SignerProgram().string();
  std::array<std::string, 5> words = {program, "signer", "--supervise", "--config", config_};
  std::array<char*, words.size() + 1> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  posix_spawn_file_actions_t files;
  REQUIRE_EQ(posix_spawn_file_actions_init(&files), 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, journal_.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  REQUIRE_EQ(::posix_spawn(&pid_, program.c_str(), &files, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&files);
  const auto address = hsm::UnixAddressOf(socket_);
  REQUIRE(address.has_value());
  REQUIRE(Eventually([&] {
    const hsm::Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(probe.get(), address->get(), hsm::UnixAddress::size()) == 0;
  }));
}

void Supervisor::Kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

int Supervisor::Stop() {
  int status = 0;
  ::kill(pid_, SIGTERM);
  REQUIRE(Eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }));
  pid_ = 0;
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

std::string Supervisor::Said() const {
  std::ifstream in(journal_);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool Supervisor::Says(std::string_view text) const {
  return Eventually([&] { return Said().find(text) != std::string::npos; });
}

}  // namespace tests
