#include "tests/hsm/rig.h"

#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "hsm/guard.h"
#include "hsm/key_set.h"

namespace tests {

namespace fs = std::filesystem;

fs::path Beside(std::string_view name) {
  return fs::read_symlink("/proc/self/exe").parent_path() / name;
}

schema::Bytes Probe(std::string_view tail) { return Join({Text(hsm::kProbePrefix), Text(tail)}); }

FaultyState::FaultyState(support::StateOptions options)
    : state_(std::make_unique<support::HsmState>(Through(std::move(options)))) {}

void FaultyState::Configure(support::StateOptions options) const {
  state_->Configure(Through(std::move(options)));
}

support::StateOptions FaultyState::Through(support::StateOptions options) const {
  options.module = Beside("libfaulty_module.so").string();
  options.module_env = ", FAULTY_DIR: \"" + faults_.path().string() + "\"";
  return options;
}

void FaultyState::Ask(std::string_view fault, std::string_view argument) const {
  support::WriteFile(faults_.path() / fault, argument);
}
void FaultyState::Unask(std::string_view fault) const { fs::remove(faults_.path() / fault); }

std::string FaultyState::Read(std::string_view file) const {
  std::ifstream in(faults_.path() / file);
  std::string text;
  std::getline(in, text);
  return text;
}

int FaultyState::Calls(std::string_view function) const {
  std::ifstream in(faults_.path() / "calls");
  int count = 0;
  for (std::string line; std::getline(in, line);) count += line == function ? 1 : 0;
  return count;
}

std::unique_ptr<hsm::Custody> MustStart(const schema::Config& config, schema::Journal& journal) {
  auto custody = hsm::Custody::Start(config, SignerProgram(), journal);
  if (!custody) FAIL(custody.error().Describe());
  return *std::move(custody);
}

schema::Error StartError(const support::HsmState& state) {
  support::MemoryJournal journal;
  const auto custody = hsm::Custody::Start(state.Load(), SignerProgram(), journal);
  REQUIRE_FALSE(custody.has_value());
  return custody.error();
}

bool Eventually(const std::function<bool()>& holds) {
  // Only what fails waits so long: a sanitizer on a busy machine takes its time.
  const auto until = schema::Steady::now() + std::chrono::seconds(30);
  while (schema::Steady::now() < until) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return holds();
}

int PidOf(const hsm::Custody& custody, std::size_t signer) {
  int pid = 0;
  REQUIRE(Eventually([&] { return (pid = custody.State().signers[signer].pid) > 0; }));
  return pid;
}

hsm::GuardSettings SettingsOf(const schema::Config& config) {
  auto settings = hsm::ReadGuardSettings(config);
  if (!settings) FAIL(settings.error().Describe());
  return *std::move(settings);
}

}  // namespace tests
