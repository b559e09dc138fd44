// The signer spoken to directly, as a compromised front would.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include <fstream>

#include "hsm/digest.h"
#include "hsm/guard.h"
#include "hsm/process.h"
#include "hsm/protocol.h"
#include "tests/hsm/rig.h"

namespace {

using namespace std::chrono_literals;
using hsm::AnswerCode;
using hsm::Purpose;
using schema::Bytes;
using schema::Steady;

schema::Time Now() { return schema::ToSeconds(schema::SystemClock().Now()); }

class Direct {
 public:
  Direct(const support::HsmState& state, std::string_view role) {
    auto process = hsm::SignerProcess::Spawn(tests::SignerProgram(), state.config_file(), role);
    REQUIRE(process.has_value());
    process_ = *std::move(process);
  }
  void Send(const Bytes& bytes) {
    REQUIRE(hsm::WriteAll(process_.socket(), bytes, Steady::now() + 5s) == hsm::Channel::kOk);
  }
  void Ask(std::uint32_t id, Purpose purpose, const Bytes& bytes) {
    Bytes out;
    hsm::AppendFrame(out, id, static_cast<std::uint8_t>(purpose), bytes);
    Send(out);
  }
  // Nothing when the signer has closed.
  std::optional<hsm::Frame> Next() {
    for (;;) {
      const auto frame = reader_.Next();
      REQUIRE(frame.has_value());
      if (*frame) return *frame;
      const auto read = hsm::ReadSome(process_.socket(), -1, reader_.buffer(), Steady::now() + 5s);
      if (read == hsm::Channel::kClosed) return std::nullopt;
      REQUIRE(read == hsm::Channel::kOk);
    }
  }
  AnswerCode Code() {
    const auto frame = Next();
    REQUIRE(frame.has_value());
    return static_cast<AnswerCode>(frame->code);
  }
  hsm::SignerProcess& process() { return process_; }

 private:
  hsm::SignerProcess process_;
  hsm::FrameReader reader_;
};

TEST_CASE("an issuing signer does not sign a CA certificate, nor for the log") {
  const support::HsmState state;
  const hsm::GuardSettings settings = tests::SettingsOf(state.Load());
  Direct signer(state, "issuing");
  REQUIRE(signer.Code() == AnswerCode::kHelloReady);
  const Bytes ca = tests::Build(tests::CaTbs(settings, Now()));
  const Bytes head(60, 1);
  for (int purpose = 0; purpose <= 9; ++purpose) {
    CAPTURE(purpose);
    signer.Ask(static_cast<std::uint32_t>(purpose), static_cast<Purpose>(purpose), ca);
    CHECK(signer.Code() == AnswerCode::kRefused);
    signer.Ask(100, static_cast<Purpose>(purpose), head);
    CHECK(signer.Code() == AnswerCode::kRefused);
  }
  // An OID as long as a frame takes: the reason that quotes it is cut.
  tests::TbsSpec spec = tests::SampleTbs(settings, Purpose::kCertificate, Now());
  spec.extensions[0] = tests::Extension(Bytes(30 * 1024, 0x7f), true, Bytes{0x05, 0x00});
  signer.Ask(101, Purpose::kCertificate, tests::Build(spec));
  CHECK(signer.Code() == AnswerCode::kRefused);

  signer.Ask(7, Purpose::kCertificate,
             tests::Build(tests::SampleTbs(settings, Purpose::kCertificate, Now())));
  const auto good = signer.Next();
  REQUIRE(good.has_value());
  CHECK_EQ(good->id, 7);
  CHECK(static_cast<AnswerCode>(good->code) == AnswerCode::kSigned);
}

TEST_CASE("a log signer does not sign certificates") {
  const support::HsmState state;
  const hsm::GuardSettings settings = tests::SettingsOf(state.Load());
  Direct signer(state, "log");
  REQUIRE(signer.Code() == AnswerCode::kHelloReady);
  for (const Purpose purpose : {Purpose::kCertificate, Purpose::kPrecertificate}) {
    signer.Ask(1, purpose, tests::Build(tests::SampleTbs(settings, purpose, Now())));
    CHECK(signer.Code() == AnswerCode::kRefused);
  }
  signer.Ask(2, Purpose::kProbe, tests::Probe(""));
  CHECK(signer.Code() == AnswerCode::kRefused);
}

TEST_CASE("many requests in one write are all answered, in order") {
  const support::HsmState state;
  Direct signer(state, "issuing");
  REQUIRE(signer.Code() == AnswerCode::kHelloReady);
  Bytes out;
  for (std::uint32_t id = 1; id <= 200; ++id) {
    hsm::AppendFrame(out, id, static_cast<std::uint8_t>(Purpose::kProbe),
                     tests::Probe(std::to_string(id)));
  }
  signer.Send(out);
  for (std::uint32_t id = 1; id <= 200; ++id) {
    const auto answer = signer.Next();
    REQUIRE(answer.has_value());
    CHECK_EQ(answer->id, id);
    CHECK(static_cast<AnswerCode>(answer->code) == AnswerCode::kSigned);
  }
}

TEST_CASE("a broken stream ends the signer") {
  const support::HsmState state;
  for (const Bytes& stream : {Bytes{0, 0, 0, 0}, Bytes{0xff, 0xff, 0xff, 0xff, 1}}) {
    Direct signer(state, "log");
    REQUIRE(signer.Code() == AnswerCode::kHelloReady);
    signer.Send(stream);
    CHECK_FALSE(signer.Next().has_value());
  }
}

TEST_CASE("the process: no core, no descriptor but its socket, deaf to a terminal's signals") {
  const support::HsmState state;
  const int leak = ::open("/dev/null", O_RDONLY);  // inheritable on purpose
  REQUIRE_GE(leak, 0);
  Direct signer(state, "log");
  REQUIRE(signer.Code() == AnswerCode::kHelloReady);
  const std::string proc = "/proc/" + std::to_string(signer.process().pid());
  std::ifstream limits(proc + "/limits");
  std::string line, core;
  while (std::getline(limits, line)) {
    if (line.starts_with("Max core file size")) core = line;
  }
  if (!core.empty()) CHECK_NE(core.find(" 0 "), std::string::npos);
  std::error_code error;
  int descriptors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd", error)) {
    ++descriptors;
    CHECK_LE(std::stoi(entry.path().filename().string()), 3);
  }
  if (!error) CHECK_EQ(descriptors, 4);  // only root may look into a process that is not dumpable
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::kill(signer.process().pid(), number);
  signer.Ask(1, Purpose::kTreeHead, Bytes(1));
  CHECK(signer.Code() == AnswerCode::kRefused);
  ::close(leak);
}

}  // namespace
