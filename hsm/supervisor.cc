#include "hsm/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "hsm/commands.h"
#include "hsm/protocol.h"
#include "hsm/service.h"

namespace hsm {

using schema::Steady;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr seconds kAskWithin{5};  // of a connection's begin
constexpr seconds kSayAgain{10};  // refusals are said once in this time, with a count
constexpr std::size_t kJoinsAtOnce = 8;
constexpr std::size_t kGoneShare = 2;  // with those that are ending, so many times the signers

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Supervisor::Supervisor(SupervisorSettings settings, Descriptor listener, schema::Journal& journal)
    : settings_(std::move(settings)),
      listener_(std::move(listener)),
      journal_(journal),
      pace_(settings_.signers_max * kJoinsAtOnce,
            Steady::duration(seconds(1)) / static_cast<std::int64_t>(settings_.signers_max)) {}

void Supervisor::Run(int signals) {
  while (!stopping_ || !seats_.empty()) {
    Wait(signals);
    if (TakeSignals(signals) && !stopping_) Drain();
    Reap();
    Late();
  }
}

// Whether the time has come to end.
bool Supervisor::TakeSignals(int signals) {
  bool end = false;
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) == sizeof info) {
    end = end || info.ssi_signo != SIGCHLD;
  }
  return end;
}

std::size_t Supervisor::Occupied() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(seats_, [](const Seat& seat) { return !seat.gone; }));
}

void Supervisor::Wait(int signals) {
  // Those that are ending are not waited for by a connection that asks, unless they are too many.
  const bool room = seats_.size() < settings_.signers_max * kGoneShare;
  const bool paced = Steady::now() >= pace_.Next();
  std::vector<pollfd> wait = {{signals, POLLIN, 0},
                              {room && paced && !stopping_ ? listener_.get() : -1, POLLIN, 0}};
  auto until = paced || stopping_ ? Steady::time_point::max() : pace_.Next();
  for (const Seat& seat : seats_) {
    const bool asking = seat.connection.get() >= 0;
    const short events = asking ? POLLIN : POLLRDHUP;
    const int fd = asking ? seat.connection.get() : seat.process.socket();
    wait.push_back({seat.gone || (stopping_ && !asking) ? -1 : fd, events, 0});
    until = std::min(until, seat.until);
  }
  int timeout = -1;
  if (until != Steady::time_point::max()) {
    const auto left = std::chrono::ceil<milliseconds>(until - Steady::now()).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }
  if (::poll(wait.data(), wait.size(), timeout) <= 0) return;
  // Connections that ended first: one that comes may be in their stead.
  std::vector<Seat> kept;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (Attend(seats_[i], wait[i + 2].revents)) kept.push_back(std::move(seats_[i]));
  }
  seats_ = std::move(kept);
  if (wait[1].revents != 0) Accept();
}

// false: the seat is free again.
bool Supervisor::Attend(Seat& seat, short events) {
  if (events == 0) return true;
  if (seat.connection.get() >= 0) return ReadOrder(seat);
  seat.gone = true;
  seat.until = Steady::now() + settings_.patience;
  return true;
}

void Supervisor::Accept() {
  Descriptor connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (connection.get() < 0) return;
  const ucred peer = PeerOf(connection.get());
  if (peer.uid != settings_.front) {
    return Refuse(std::move(connection), peer,
                  "user " + std::to_string(peer.uid) + " is not hsm.front");
  }
  pace_.Take(Steady::now());
  if (Occupied() >= settings_.signers_max) {
    return Refuse(std::move(connection), peer,
                  "there are " + std::to_string(settings_.signers_max) +
                      " connections already, all that the configuration can need");
  }
  // Whoever asks anew has given up what it left: no two of them at one token.
  for (const Seat& seat : seats_) {
    if (seat.gone) seat.process.SendKill();
  }
  Seat seat;
  seat.connection = std::move(connection);
  seat.until = Steady::now() + kAskWithin;
  seats_.push_back(std::move(seat));
}

void Supervisor::Refuse(Descriptor connection, const ucred& peer, const std::string& why) {
  schema::Bytes out;
  AppendFrame(out, 0, static_cast<std::uint8_t>(AnswerCode::kHelloKeyUnusable),
              schema::AsBytes("hsm.socket: the supervisor refuses: " + why));
  // A peer that does not read it does without.
  static_cast<void>(WriteAll(connection.get(), out, Steady::now()));
  if (Steady::now() < quiet_until_) {
    ++unsaid_;
    return;
  }
  journal_.Warning("peer-refused", {{"uid", std::to_string(peer.uid)},
                                    {"pid", std::to_string(peer.pid)},
                                    {"reason", why},
                                    {"others_since_last", std::to_string(unsaid_)}});
  quiet_until_ = Steady::now() + kSayAgain;
  unsaid_ = 0;
}

// What has come of the request, and not an octet more. false: the seat is free again.
bool Supervisor::ReadOrder(Seat& seat) {
  const ucred peer = PeerOf(seat.connection.get());
  for (;;) {
    const auto missing = MissingOfJoin(seat.asked);
    if (!missing) {
      Refuse(std::move(seat.connection), peer, "what it sent is no request for a signer");
      return false;
    }
    if (*missing == 0) break;
    const std::size_t had = seat.asked.size();
    seat.asked.resize(had + *missing);
    const ssize_t got =
        ::recv(seat.connection.get(), seat.asked.data() + had, *missing, MSG_DONTWAIT);
    seat.asked.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
  }
  auto order = DecodeJoin(seat.asked);
  if (!order) {
    Refuse(std::move(seat.connection), peer, order.error().detail);
    return false;
  }
  seat.order = *std::move(order);
  return StartSigner(seat);
}

bool Supervisor::StartSigner(Seat& seat) {
  auto process =
      SignerProcess::SpawnAt(std::move(seat.connection), settings_.program, settings_.config_file,
                             seat.order.role, settings_.entered_pin(seat.order), seat.order.token);
  if (!process) {
    journal_.Error("signer-not-started",
                   {{"role", seat.order.role}, {"reason", process.error().Describe()}});
    return false;
  }
  seat.process = *std::move(process);
  seat.until = Steady::time_point::max();
  journal_.Info("signer-started",
                {{"role", seat.order.role}, {"pid", std::to_string(seat.process.pid())}});
  return true;
}

// The front sees the end of a signer when the last end of its socket is closed, which is here.
void Supervisor::Reap() {
  std::erase_if(seats_, [this](Seat& seat) {
    const pid_t pid = seat.process.pid();
    const auto status = seat.process.HasEnded();
    if (!status) return false;
    const bool refused = WIFEXITED(*status) && WEXITSTATUS(*status) == kExitPinRefused;
    const bool orderly = WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
    journal_.Write(
        refused                ? schema::Journal::Level::kError
        : orderly || seat.gone ? schema::Journal::Level::kInfo
                               : schema::Journal::Level::kWarning,
        refused ? "pin-refused" : "signer-ended",
        {{"role", seat.order.role}, {"pid", std::to_string(pid)}, {"how", HowItEnded(*status)}});
    return true;
  });
}

// Connections that ask for nothing, and signers that do not end.
void Supervisor::Late() {
  std::erase_if(seats_, [](Seat& seat) {
    if (Steady::now() < seat.until) return false;
    if (seat.process.pid() <= 0) return true;
    seat.process.SendKill();
    seat.until = Steady::time_point::max();
    return false;
  });
}

// Signers read what has arrived, answer it, and find the end of their input.
void Supervisor::Drain() {
  stopping_ = true;
  TellService("STOPPING=1");
  journal_.Info("stopping");
  listener_.Close();
  std::erase_if(seats_, [](const Seat& seat) { return seat.connection.get() >= 0; });
  for (Seat& seat : seats_) {
    ::shutdown(seat.process.socket(), SHUT_RD);
    seat.until = std::min(seat.until, Steady::now() + settings_.patience);
  }
}

}  // namespace hsm
