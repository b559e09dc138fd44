// The signer process behind its socket: how it answers, and what it keeps closed.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include <fstream>

#include "tests/hsm/direct.h"
#include "tests/hsm/rig.h"

namespace {

using hsm::AnswerCode;
using hsm::Purpose;
using schema::Bytes;
using tests::Direct;

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
