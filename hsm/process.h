// A signer process from the outside: started, spoken to through one socket, ended.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

#include "hsm/channel.h"
#include "schema/base/result.h"

namespace hsm {

class SignerProcess {
 public:
  // posix_spawn of `program signer --config FILE --role ROLE --fd 3` with nothing else open but
  // stderr, and `--pin-fd 4` when `entered_pin` is a descriptor (pin_prompt.h). Call it on the
  // thread that will own the process: the kernel kills a signer whose spawning thread ends.
  static schema::Result<SignerProcess> Spawn(const std::filesystem::path& program,
                                             const std::filesystem::path& config_file,
                                             std::string_view role, int entered_pin = -1);
  SignerProcess() = default;
  SignerProcess(SignerProcess&& other) noexcept;
  SignerProcess& operator=(SignerProcess&& other) noexcept;
  ~SignerProcess() { Kill(); }

  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  int socket() const { return socket_.get(); }

  // SIGKILL, and waits for the end.
  void Kill();
  // Closes the socket, which ends a healthy signer with its session closed in order; kills one that
  // takes longer than `patience`.
  void Stop(std::chrono::milliseconds patience);

 private:
  pid_t pid_ = 0;
  Descriptor socket_;
};

}  // namespace hsm
