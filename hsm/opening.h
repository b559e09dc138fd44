// The way to a key, step by step: what was found, and at the first failure what to do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"

namespace hsm {

// In the order in which they are taken.
enum class Step {
  kUri,
  kModule,
  kSlot,
  kToken,
  kPin,
  kLogin,
  kKey,
  kAttributes,
  kMechanism,
  kSignature,
  kChain,
};
std::string_view StepName(Step step);  // "uri", "module", …

struct StepReport {
  Step step;
  bool passed;
  std::string text;    // what was found, or the reason
  std::string remedy;  // of a failure
};

// Texts never hold a PIN, nor what is in a PIN file.
class Opening {
 public:
  void Passed(Step step, std::string found);
  // An error of this kind, "step: reason; remedy", with what is known of the module's family.
  schema::Error Failed(Step step, std::string reason, std::string remedy,
                       const schema::ErrorKind& kind);
  schema::Error Failed(Step step, std::string reason, std::string remedy);  // kKeyUnusable

  // By which Failed knows the family: the module's file name, the token's manufacturer.
  void Know(std::string_view text) { known_ += " " + std::string(text); }

  const std::vector<StepReport>& steps() const { return steps_; }

 private:
  std::vector<StepReport> steps_;
  std::string known_;
};

// What a vendor's module is known to want at this step (config/hsm/ says from where it is known);
// empty when there is nothing to say. `known`: file name of the module, manufacturer of the token.
std::string_view VendorHint(std::string_view known, Step step);

}  // namespace hsm
