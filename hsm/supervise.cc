#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <utility>

#include "hsm/custody.h"
#include "hsm/harden.h"
#include "hsm/key_set.h"
#include "hsm/pin_prompt.h"
#include "hsm/service.h"
#include "hsm/supervisor.h"
#include "hsm/token_choice.h"
#include "hsm/uri.h"
#include "schema/base/file.h"
#include "schema/config.h"

namespace hsm {

using schema::Error;
using schema::Outcome;
namespace fs = std::filesystem;

namespace {

// Signers that die and come back, and a `serve` that is started while another ends.
constexpr std::size_t kSpare = 4;

// Before anything else: the mask is inherited, and a signal that came early would be lost.
Descriptor TakeOverSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&taken, number);
  MUST(::sigprocmask(SIG_BLOCK, &taken, nullptr) == 0);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  Descriptor signals(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  MUST(signals.get() >= 0);
  return signals;
}

// Without a memory a PIN that was refused would be tried again at each start.
Outcome CheckState(const fs::path& state) {
  if (::access(state.c_str(), W_OK | X_OK) == 0 && fs::is_directory(state)) return schema::Ok();
  return Error{&kKeyUnusable,
               "hsm.state: " + state.string() +
                   ": no directory that this user may write to; make one, mode 0700"};
}

// What persons enter at the terminal where this was started, once for each token.
class EnteredPins {
 public:
  Outcome AskFor(const schema::Config& config, const fs::path& program, Role role) {
    const std::string name(RoleName(role));
    for (const schema::KeyToken& token : TokensOf(config, role)) {
      const auto uri = ParseKeyUri(PinUri(config, role, token), config.directory);
      // One that does not parse is the signer's to report.
      if (!uri || uri->pin.kind != PinKind::kPrompt) continue;
      Descriptor& entered = files_[uri->pin.Key()];
      if (entered.get() < 0) {
        TRY(entered, HaveAskedForPin(program, uri->pin.asks_for));
      }
      const bool only = token.name == schema::kOnlyToken;
      of_signer_[{name, only ? std::string() : token.name}] = entered.get();
    }
    return schema::Ok();
  }
  // All CAs of ca.rotation that ask a person have the tokens of ca.key.
  int Of(const SignerOrder& order) const {
    const auto parsed = ParseRole(order.role);
    const std::string role = parsed ? std::string(RoleName(parsed->role)) : order.role;
    const auto found = of_signer_.find({role, order.token});
    return found == of_signer_.end() ? -1 : found->second;
  }

 private:
  std::map<std::string, Descriptor> files_;                       // by source
  std::map<std::pair<std::string, std::string>, int> of_signer_;  // by role and token
};

Outcome Supervise(const fs::path& config_file, const fs::path& program, int signals,
                  schema::Journal& journal) {
  TRY(const std::string text, schema::ReadFile(config_file));
  TRY(const schema::Config config, schema::ParseConfig(text, config_file));
  if (config.hsm.socket.empty()) {
    return Error{&kKeyUnusable,
                 "hsm.socket: not set, so `serve` starts its signers itself; set hsm.socket, "
                 "hsm.front and hsm.state"};
  }
  TRY(const uid_t front, UserOf(config.hsm.front));
  TRY(CheckState(config.hsm.state));
  EnteredPins pins;
  for (const Role role : {Role::kIssuing, Role::kLog}) TRY(pins.AskFor(config, program, role));
  TRY(Listener listener, ListenForFront(config.hsm.socket));
  const bool ours = listener.ours;
  // With a rotation one CA is active, one on its way in and one on its way out.
  const std::size_t cas = config.ca.rotation.empty() ? 1 : 3;
  std::size_t signers = 0;
  for (const Role role : {Role::kIssuing, Role::kLog}) {
    for (const schema::KeyToken& token : TokensOf(config, role)) {
      signers += static_cast<std::size_t>(token.sessions) * (role == Role::kIssuing ? cas : 1);
    }
  }
  Supervisor supervisor({program, config_file, front, signers + kSpare, config.ca.sign_deadline,
                         [&pins](const SignerOrder& order) { return pins.Of(order); }},
                        std::move(listener.socket), journal);
  if (front == ::getuid()) {
    journal.Warning("front-not-apart", {{"reason", "hsm.front is the user that signers run as"}});
  }
  journal.Info("supervising", {{"socket", config.hsm.socket.string()},
                               {"front", std::to_string(front)},
                               {"signers_max", std::to_string(signers + kSpare)}});
  TellService("READY=1");
  supervisor.Run(signals);
  if (ours) ::unlink(config.hsm.socket.c_str());
  return schema::Ok();
}

}  // namespace

int RunSupervisor(const fs::path& config_file, const fs::path& program, schema::Journal& journal) {
  const Descriptor signals = TakeOverSignals();
  HardenProcess();
  if (const auto done = Supervise(config_file, program, signals.get(), journal); !done) {
    const std::string why = done.error().Describe();
    journal.Error("start-refused", {{"config", config_file.string()}, {"reason", why}});
    std::fprintf(stderr, "chancery: cannot supervise signers: %s\n", why.c_str());
    return 1;
  }
  journal.Info("stopped");
  return 0;
}

}  // namespace hsm
