#include "tests/hsm/direct.h"

#include <doctest/doctest.h>

#include "tests/hsm/rig.h"

namespace tests {

using namespace std::chrono_literals;
using schema::Steady;

namespace {

constexpr auto kPatience = 20s;  // a sanitizer's build on a busy machine

}  // namespace

Direct::Direct(const support::HsmState& state, std::string_view role) {
  auto process = hsm::SignerProcess::Spawn(SignerProgram(), state.config_file(), role);
  REQUIRE(process.has_value());
  process_ = *std::move(process);
}

void Direct::Send(const schema::Bytes& bytes) {
  REQUIRE(hsm::WriteAll(process_.socket(), bytes, Steady::now() + kPatience) == hsm::Channel::kOk);
}

void Direct::Ask(std::uint32_t id, std::uint8_t code, schema::BytesView bytes) {
  schema::Bytes out;
  hsm::AppendFrame(out, id, code, bytes);
  Send(out);
}

std::optional<hsm::Frame> Direct::Next() {
  for (;;) {
    const auto frame = reader_.Next();
    REQUIRE(frame.has_value());
    if (*frame) return *frame;
    const auto read =
        hsm::ReadSome(process_.socket(), -1, reader_.buffer(), Steady::now() + kPatience);
    if (read == hsm::Channel::kClosed) return std::nullopt;
    REQUIRE(read == hsm::Channel::kOk);
  }
}

hsm::AnswerCode Direct::Code() {
  const auto frame = Next();
  REQUIRE(frame.has_value());
  return static_cast<hsm::AnswerCode>(frame->code);
}

hsm::Hello Direct::Hello() {
  const auto frame = Next();
  REQUIRE(frame.has_value());
  REQUIRE(static_cast<hsm::AnswerCode>(frame->code) == hsm::AnswerCode::kHelloReady);
  auto hello = hsm::DecodeHello(frame->bytes);
  REQUIRE(hello.has_value());
  return *std::move(hello);
}

void CheckAnswers(const support::HsmState& state, std::span<const Question> questions) {
  for (const char* role : {"issuing", "log"}) {
    Direct signer(state, role);
    signer.Hello();
    std::uint32_t id = 0;
    for (const Question& question : questions) {
      if (std::string_view(question.role) != role) continue;
      CAPTURE(question.name);
      signer.Ask(++id, question.purpose, question.bytes);
      CHECK(signer.Code() == question.want);
    }
  }
}

}  // namespace tests
