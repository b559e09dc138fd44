// Holding a ceremony, step by step.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "ca/ceremony/keys.h"
#include "ca/ceremony/plan.h"
#include "ca/ceremony/transcript.h"
#include "ca/ceremony/witnesses.h"
#include "schema/base/time.h"

namespace ca::ceremony {

extern const schema::ErrorKind kCannotHold;  // kUs: the step cannot be held like this

struct Hall {
  const Plan& plan;
  Transcript& transcript;
  Keys& keys;
  Witnesses& witnesses;
  const schema::Clock& clock;
  std::filesystem::path out;  // files and transcript
  std::string program_sha256;
  bool rehearsal, testing;
  std::function<void(const std::string&)> say;  // progress, one line without newline
};

// The step of the transcript that comes next, from its `begun` to its seal; then transcript.txt. A
// step that was interrupted is held again: keys that it made are opened then. Blocks for devices
// and people.
//
// kCannotHold    not the next step; or a file of an earlier step is not as the transcript has it
// kNotConfirmed  a witness
// kLint, kBadTranscript, kFileUnreadable, kFileUnwritable, and hsm's
schema::Outcome HoldStep(Step step, const Hall& hall);

}  // namespace ca::ceremony
