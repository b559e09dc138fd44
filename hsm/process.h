// A signer process from the outside: started, spoken to through one socket, ended.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string_view>

#include "hsm/channel.h"
#include "schema/base/result.h"

namespace hsm {

class SignerProcess {
 public:
  // posix_spawn of `program signer --config FILE --role ROLE --fd 3` with nothing else open but
  // stderr, with `--token TOKEN` unless that is empty, `--pin-fd 4` when `entered_pin` is a
  // descriptor (pin_prompt.h), and `--config-fd 5` when `config_text` is one (sealed.h); else
  // the signer reads FILE as it is then. Call it on the thread that will own the process: the
  // kernel kills a signer whose spawning thread ends.
  static schema::Result<SignerProcess> Spawn(const std::filesystem::path& program,
                                             const std::filesystem::path& config_file,
                                             std::string_view role, int entered_pin = -1,
                                             std::string_view token = {}, int config_text = -1);
  // The same at the end of `socket` that is here already, which both keep: a supervisor's way.
  static schema::Result<SignerProcess> SpawnAt(Descriptor socket,
                                               const std::filesystem::path& program,
                                               const std::filesystem::path& config_file,
                                               std::string_view role, int entered_pin,
                                               std::string_view token);
  // One that a supervisor starts at the other end of `socket`, and ends when this end is closed.
  static SignerProcess OfSupervisor(Descriptor socket);
  SignerProcess() = default;
  SignerProcess(SignerProcess&& other) noexcept;
  SignerProcess& operator=(SignerProcess&& other) noexcept;
  ~SignerProcess() { Kill(); }

  pid_t pid() const { return pid_; }  // 0: none, or a supervisor's
  int socket() const { return socket_.get(); }

  // SIGKILL, and waits for the end. One of a supervisor is let go.
  void Kill();
  // SIGKILL, and does not wait: HasEnded tells, once, how (waitpid(2)), and closes the socket.
  void SendKill() const;
  std::optional<int> HasEnded();
  // Closes the socket, which ends a healthy signer with its session closed in order; kills one that
  // takes longer than `patience`.
  void Stop(std::chrono::milliseconds patience);

 private:
  pid_t pid_ = 0;
  Descriptor socket_;
};

}  // namespace hsm
