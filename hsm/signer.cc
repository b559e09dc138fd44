#include "hsm/signer.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>

#include "hsm/channel.h"
#include "hsm/key_set.h"
#include "hsm/protocol.h"
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

// No core file, no ptrace by the same user, no life after the server. A terminal's Ctrl-C and a
// service manager's SIGTERM go to the whole group: the server drains first and then closes the
// socket, which ends the signer.
void Harden() {
  MUST(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
  MUST(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  MUST(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
  const rlimit none{0, 0};
  MUST(::setrlimit(RLIMIT_CORE, &none) == 0);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
}

// A reason for the other end, cut to what a frame takes: it may quote what was asked for.
schema::BytesView Reason(const Error& error) {
  const schema::BytesView text = schema::AsBytes(error.detail);
  return text.first(std::min(text.size(), kReasonMax));
}

Result<KeySet> Open(const fs::path& config_file, Role role, LoginReport& report) {
  TRY(const std::string text, schema::ReadFile(config_file));
  TRY(const schema::Config config, schema::ParseConfig(text, config_file));
  for (const auto& [name, value] : config.ca.module_env) {
    MUST(::setenv(name.c_str(), value.c_str(), 1) == 0);
  }
  return KeySet::Open(config, role, report);
}

Bytes HelloFrame(const Result<KeySet>& keys, const LoginReport& report) {
  Bytes out;
  const auto append = [&out](AnswerCode code, schema::BytesView bytes) {
    AppendFrame(out, 0, static_cast<std::uint8_t>(code), bytes);
  };
  if (keys) {
    append(AnswerCode::kHelloReady, EncodeHello(keys->hello()));
  } else if (keys.error().Is(kPinRefused)) {
    append(AnswerCode::kHelloPinRefused, EncodeRefusal({report.tried, keys.error().detail}));
  } else {
    append(AnswerCode::kHelloKeyUnusable, Reason(keys.error()));
  }
  return out;
}

// Answers one request. false: the device failed, and this process with it.
bool Answer(KeySet& keys, const Frame& request, Bytes& out) {
  const auto now = schema::ToSeconds(schema::SystemClock().Now());
  const auto signature = keys.Sign(static_cast<Purpose>(request.code), request.bytes, now);
  const auto append = [&](AnswerCode code, schema::BytesView bytes) {
    AppendFrame(out, request.id, static_cast<std::uint8_t>(code), bytes);
  };
  if (signature) {
    append(AnswerCode::kSigned, signature->view());
    return true;
  }
  const bool refused = signature.error().Is(kSignerRefused);
  append(refused ? AnswerCode::kRefused : AnswerCode::kFailed, Reason(signature.error()));
  return refused;
}

// Answers every whole request that has arrived. false: time to end.
bool AnswerAll(KeySet& keys, int fd, FrameReader& reader) {
  Bytes out;
  auto held_since = Steady::now();
  for (;;) {
    const auto frame = reader.Next();
    if (!frame) return false;
    const bool more = frame->has_value();
    const bool alive = !more || Answer(keys, **frame, out);
    if (more && alive && Steady::now() - held_since < kHoldBack) continue;
    if (WriteAll(fd, out, kForever) != Channel::kOk || !alive) return false;
    if (!more) return true;
    out.clear();
    held_since = Steady::now();
  }
}

}  // namespace

int RunSigner(const fs::path& config_file, std::string_view role_name, int fd) {
  Harden();
  const Role role = role_name == RoleName(Role::kLog) ? Role::kLog : Role::kIssuing;
  LoginReport report;
  Result<KeySet> keys = Open(config_file, role, report);
  if (WriteAll(fd, HelloFrame(keys, report), kForever) != Channel::kOk || !keys) return 1;
  FrameReader reader;
  for (;;) {
    const Channel read = ReadSome(fd, -1, reader.buffer(), kForever);
    if (read == Channel::kClosed) return 0;
    if (!AnswerAll(*keys, fd, reader)) return 1;
  }
}

}  // namespace hsm
