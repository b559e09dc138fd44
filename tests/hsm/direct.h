// A signer spoken to without the server, as a compromised front would.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "hsm/process.h"
#include "hsm/protocol.h"
#include "tests/support/softhsm.h"

namespace tests {

class Direct {
 public:
  // A process of its own for `role`; its hello waits to be read.
  Direct(const support::HsmState& state, std::string_view role);

  void Send(const schema::Bytes& bytes);
  void Ask(std::uint32_t id, std::uint8_t code, schema::BytesView bytes);
  void Ask(std::uint32_t id, hsm::Purpose purpose, schema::BytesView bytes) {
    Ask(id, static_cast<std::uint8_t>(purpose), bytes);
  }
  // The next answer, valid until the one after; nothing when the signer has closed.
  std::optional<hsm::Frame> Next();
  // Its code alone; fails the test when the signer has closed.
  hsm::AnswerCode Code();
  // The facts of its hello; fails the test when it is not ready.
  hsm::Hello Hello();

  hsm::SignerProcess& process() { return process_; }

 private:
  hsm::SignerProcess process_;
  hsm::FrameReader reader_;
};

// What a signer is asked, and with what code it answers.
struct Question {
  const char* name;
  const char* role;
  hsm::Purpose purpose;
  schema::Bytes bytes;
  hsm::AnswerCode want;
};
// Each to a signer of its role, one process for a role.
void CheckAnswers(const support::HsmState& state, std::span<const Question> questions);

}  // namespace tests
