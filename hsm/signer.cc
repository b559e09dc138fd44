#include "hsm/signer.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "hsm/channel.h"
#include "hsm/commands.h"
#include "hsm/confine.h"
#include "hsm/harden.h"
#include "hsm/key_set.h"
#include "hsm/protocol.h"
#include "hsm/rotation.h"
#include "hsm/sealed.h"
#include "hsm/token_choice.h"
#include "schema/base/file.h"
#include "schema/config.h"

namespace hsm {

using schema::Bytes;
using schema::Error;
using schema::Outcome;
using schema::Result;
using schema::Steady;
namespace fs = std::filesystem;

namespace {

// Signed answers are held back for at most this long, to share a write with those that follow.
constexpr std::chrono::milliseconds kHoldBack{1};
constexpr std::size_t kReasonMax = 512;  // octets
constexpr auto kForever = Steady::time_point::max();

// No life after the server. A terminal's Ctrl-C and a service manager's SIGTERM go to the whole
// group: the server drains first and then closes the socket, which ends the signer.
void DieWithParent() {
  MUST(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
}

// A reason for the other end, cut to what a frame takes: it may quote what was asked for.
schema::BytesView Reason(const Error& error) {
  const schema::BytesView text = schema::AsBytes(error.detail);
  return text.first(std::min(text.size(), kReasonMax));
}

Bytes HelloFrame(const Result<KeySet>& keys, const LoginReport& report) {
  Bytes out;
  const auto append = [&out](AnswerCode code, schema::BytesView bytes) {
    AppendFrame(out, 0, static_cast<std::uint8_t>(code), bytes);
  };
  if (keys) {
    Hello hello = keys->hello();
    hello.pid = ::getpid();
    append(AnswerCode::kHelloReady, EncodeHello(hello));
  } else if (keys.error().Is(kPinRefused)) {
    append(AnswerCode::kHelloPinRefused, EncodeRefusal({report.tried, keys.error().detail}));
  } else if (keys.error().Is(kOtherKey)) {
    append(AnswerCode::kHelloOtherKey, Reason(keys.error()));
  } else {
    append(AnswerCode::kHelloKeyUnusable, Reason(keys.error()));
  }
  return out;
}

// What is left of the keys after an answer.
enum class After { kGood, kLost, kFailed };

After Tell(const Error& error, std::uint32_t id, Bytes& out) {
  const After after = error.Is(kSignerRefused) ? After::kGood
                      : error.Is(kSessionLost) ? After::kLost
                                               : After::kFailed;
  const AnswerCode code = after == After::kGood   ? AnswerCode::kRefused
                          : after == After::kLost ? AnswerCode::kLost
                                                  : AnswerCode::kFailed;
  AppendFrame(out, id, static_cast<std::uint8_t>(code), Reason(error));
  return after;
}

After Answer(KeySet& keys, const Frame& request, MadeCounts& made, Bytes& out) {
  const auto purpose = static_cast<Purpose>(request.code);
  if (purpose == Purpose::kKeepAlive && request.bytes.empty()) {
    const auto alive = keys.KeepAlive();
    if (!alive) return Tell(alive.error(), request.id, out);
    AppendFrame(out, request.id, static_cast<std::uint8_t>(AnswerCode::kAlive),
                EncodeSigned(made, {}));
    return After::kGood;
  }
  const auto now = schema::ToSeconds(schema::SystemClock().Now());
  const auto signature = keys.Sign(purpose, request.bytes, now);
  if (!signature) return Tell(signature.error(), request.id, out);
  if (const auto place = PlaceOf(purpose)) ++made[*place];
  AppendFrame(out, request.id, static_cast<std::uint8_t>(AnswerCode::kSigned),
              EncodeSigned(made, signature->view()));
  return After::kGood;
}

// One run of the process: the keys, and how they are opened again.
class Signer {
 public:
  Signer(fs::path config_file, SignerRole role, int fd, int entered_pin, std::string_view token,
         int config_text)
      : config_file_(std::move(config_file)),
        role_(std::move(role)),
        token_(token),
        fd_(fd),
        entered_pin_(entered_pin),
        config_text_(config_text) {}

  // The hello, with the keys or the reason why not.
  bool SayHello() {
    keys_.reset();
    LoginReport report;
    Result<KeySet> opened = Open(report);
    pin_refused_ = !opened && opened.error().Is(kPinRefused);
    const bool told = WriteAll(fd_, HelloFrame(opened, report), kForever) == Channel::kOk;
    if (!told || !opened) return false;
    keys_.emplace(*std::move(opened));
    return true;
  }

  // Answers every whole request that has arrived. false: time to end.
  bool AnswerAll(FrameReader& reader) {
    Bytes out;
    auto held_since = Steady::now();
    for (;;) {
      const auto frame = reader.Next();
      if (!frame) return false;
      if (*frame && !keys_) {
        // What was sent before the loss was known; the other end asks for it elsewhere.
        if ((*frame)->code == kReopen && !SayHello()) return false;
        continue;
      }
      const After after = *frame ? Answer(*keys_, **frame, made_, out) : After::kGood;
      const bool go_on = *frame && after == After::kGood;
      if (go_on && Steady::now() - held_since < kHoldBack) continue;
      if (WriteAll(fd_, out, kForever) != Channel::kOk || after == After::kFailed) return false;
      if (!*frame) return true;
      if (after == After::kLost) keys_.reset();
      out.clear();
      held_since = Steady::now();
    }
  }

  int exit_code() const { return pin_refused_ ? kExitPinRefused : 1; }  // after a false

 private:
  Result<KeySet> Open(LoginReport& report) {
    TRY(const std::string text,
        config_text_ < 0 ? schema::ReadFile(config_file_) : ReadSealed(config_text_));
    TRY(const schema::Config whole, schema::ParseConfig(text, config_file_));
    TRY(const schema::Config config, ReadConfigOf(whole, role_.ca));
    // What a PIN command needs is not the module's: it may ask a vault in the network.
    TRY(const schema::KeyToken key, ChooseToken(config, role_.role, token_));
    const bool command = PinIsOfCommand(config, role_.role, key);
    const Network network = config.hsm.network.empty() ? Network::kNone : Network::kAllowed;
    if (!confined_ && !command) TRY(ConfineModule(network));
    SetModuleEnvironment(config);
    TRY(KeySet keys, KeySet::Open(config, role_.role, key, entered_pin_, modules_, report));
    if (!confined_ && command) TRY(ConfineModule(network));
    if (!confined_) TRY(ConfineStarted());
    confined_ = true;
    return keys;
  }

  const fs::path config_file_;
  const SignerRole role_;
  const std::string token_;
  const int fd_;
  const int entered_pin_;
  const int config_text_;
  bool confined_ = false;
  bool pin_refused_ = false;
  Modules modules_;  // before the keys, which live in them
  std::optional<KeySet> keys_;
  MadeCounts made_{};  // of the process: it outlives a lost session
};

}  // namespace

int RunSigner(const fs::path& config_file, const SignerRole& role, int fd, int entered_pin,
              std::string_view token, int config_text) {
  HardenProcess();
  DieWithParent();
  Signer signer(config_file, role, fd, entered_pin, token, config_text);
  if (!signer.SayHello()) return signer.exit_code();
  FrameReader reader;
  for (;;) {
    const Channel read = ReadSome(fd, -1, reader.buffer(), kForever);
    if (read == Channel::kClosed) return 0;
    if (!signer.AnswerAll(reader)) return signer.exit_code();
  }
}

}  // namespace hsm
