// A ceremony in SoftHSM tokens of the test's own, with witnesses that do as they are told.
#pragma once

#include <deque>
#include <filesystem>
#include <memory>
#include <string>

#include "ca/ceremony/steps.h"
#include "tests/support/fakes.h"
#include "tests/support/softhsm.h"

namespace stage {

// Types what is asked for, until it is told to fail.
class Witnesses final : public ca::ceremony::Witnesses {
 public:
  schema::Result<std::optional<std::string>> Confirm(const std::string& witness,
                                                     std::string_view what,
                                                     const schema::Hash& digest) override;
  std::string refuses;  // "plan" or "result"
  bool silent = false;  // as of --yes-i-am-testing
};

// Root, issuing CA and log key; `more` is appended.
std::string PlanText(const std::string& more = "");

// Tokens live as long as the stage; each plan has a directory of its own.
class Stage {
 public:
  Stage();

  struct Ceremony {
    ca::ceremony::Plan plan;
    std::filesystem::path out;
    std::string transcript() const;
    std::string file(const std::string& name) const;
  };
  Ceremony Plan(const std::string& name, const std::string& text) const;
  // The step, by a process that starts anew.
  schema::Outcome Hold(ca::ceremony::Step step, const Ceremony& ceremony);
  // All four.
  schema::Outcome HoldAll(const Ceremony& ceremony);

  const std::filesystem::path& directory() const { return directory_.path(); }
  Witnesses witnesses;
  support::FakeClock clock;
  bool rehearsal = false;
  std::vector<std::string> said;

 private:
  support::TempDirectory directory_;
  std::unique_ptr<ca::ceremony::Rehearsal> tokens_;
};

}  // namespace stage
