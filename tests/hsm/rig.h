// What the custody tests share: a state on SoftHSM, perhaps with faults, and requests that a signer
// takes.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "hsm/custody.h"
#include "tests/hsm/tbs.h"
#include "tests/support/fakes.h"
#include "tests/support/softhsm.h"

namespace tests {

// Beside the test program.
std::filesystem::path Beside(std::string_view name);
inline std::filesystem::path SignerProgram() { return Beside("hsm_signer"); }

schema::Bytes Probe(std::string_view tail);

// A state whose token is reached through tests/support/faulty_module.cc.
class FaultyState {
 public:
  explicit FaultyState(support::StateOptions options = {});
  void Ask(std::string_view fault, std::string_view argument = "") const;
  void Unask(std::string_view fault) const;
  std::string Read(std::string_view file) const;  // what the module left there
  int Calls(std::string_view function) const;     // of all processes so far
  const support::HsmState& state() const { return *state_; }
  // chancery.yaml anew, still through the faulty module.
  void Configure(support::StateOptions options) const;

 private:
  support::StateOptions Through(support::StateOptions options) const;

  support::TempDirectory faults_;
  std::unique_ptr<support::HsmState> state_;
};

// Starts; fails the test with the reason when that does not work.
std::unique_ptr<hsm::Custody> MustStart(const schema::Config& config, schema::Journal& journal);
// The error that Start ends with; fails the test when it does not.
schema::Error StartError(const support::HsmState& state);
// The process of a signer that is up: waits for it, and is never 0 or less, which kill() takes for
// a group.
int PidOf(const hsm::Custody& custody, std::size_t signer);
// Polls until it holds, for 30 s at most.
bool Eventually(const std::function<bool()>& holds);
// Settings by which the guard of this state's signers decides.
hsm::GuardSettings SettingsOf(const schema::Config& config);

}  // namespace tests
