// `chancery signer --supervise`: starts the signers that the front asks for at a socket (join.h),
// as a user of its own, so that a front that was taken over reaches neither PIN nor keys, and
// cannot stop, trace or outlive a signer in any other way than by closing its connection.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hsm/front_socket.h"
#include "hsm/join.h"
#include "hsm/pace.h"
#include "hsm/process.h"
#include "schema/base/journal.h"
#include "schema/base/time.h"

namespace hsm {

struct SupervisorSettings {
  std::filesystem::path program;
  std::filesystem::path config_file;
  uid_t front;  // whose connections are taken; nobody else's, not even root's
  // Connections at a time, those that have not asked yet included. In a second as many are taken,
  // and kJoinsAtOnce times as many at once; others wait.
  std::size_t signers_max;
  std::chrono::milliseconds patience;  // for a signer whose connection is gone
  // The descriptor of the PIN that a person entered for this signer (pin_prompt.h), or -1.
  std::function<int(const SignerOrder&)> entered_pin;
};

// One thread; its signers are killed when it ends.
class Supervisor {
 public:
  Supervisor(SupervisorSettings settings, Descriptor listener, schema::Journal& journal);

  // Serves until `signals`, a signalfd of SIGTERM, SIGINT and SIGCHLD, brings one of the first two.
  // Then what signers have been asked already is answered, and all end.
  void Run(int signals);

 private:
  struct Seat {
    Descriptor connection;  // until its signer has it
    schema::Bytes asked;    // what has been read of the request for a signer
    SignerOrder order;
    SignerProcess process;
    bool gone = false;  // the front has closed
    // To have asked by, or to have ended by; then it is killed.
    schema::Steady::time_point until;
  };

  bool TakeSignals(int signals);
  void Wait(int signals);
  void Accept();
  void Refuse(Descriptor connection, const ucred& peer, const std::string& why);
  bool ReadOrder(Seat& seat);
  bool StartSigner(Seat& seat);
  bool Attend(Seat& seat, short events);
  void Reap();
  void Late();
  void Drain();
  std::size_t Occupied() const;

  const SupervisorSettings settings_;
  Descriptor listener_;
  schema::Journal& journal_;
  std::vector<Seat> seats_;
  Pace pace_;  // of the front's connections: each starts a process
  bool stopping_ = false;
  schema::Steady::time_point
      quiet_until_{};  // of refusals, which a stranger must not fill a disk with
  std::uint64_t unsaid_ = 0;
};

// The command: reads the configuration, asks for PINs that a person has to enter, listens, tells
// systemd, serves. Returns the exit code: 0 after SIGTERM or SIGINT, 1 when it cannot start.
int RunSupervisor(const std::filesystem::path& config_file, const std::filesystem::path& program,
                  schema::Journal& journal);

}  // namespace hsm
