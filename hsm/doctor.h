// The walk from a configuration to its keys, as the signers take it: `chancery hsm doctor`.
#pragma once

#include <string>
#include <vector>

#include "hsm/opening.h"
#include "schema/config.h"

namespace hsm {

struct KeyDiagnosis {
  std::string ca;       // of ca.rotation, whose key it is; empty: of none, or of the only one
  std::string setting;  // "ca.key", "log.certificates.key[1]", "tsa.key"
  std::vector<StepReport> steps;
  bool healthy;
  bool pin_refused;
  bool drained;        // the token it is in, by an operator
  std::string report;  // JSON (key.h); empty unless the key was opened
};

// Every key in a token: module, slot, token, PIN, login, key, attributes, mechanism, a signature,
// and for keys with one their chain. Stops at a key's first failure. Loads modules and may log in,
// once for each key, under the rules of signers (token_key.h): in a process of its own.
//
// Those of every issuing CA that is not retired, and those of the log. kKeyUnusable: ca.rotation
// cannot be read.
schema::Result<std::vector<KeyDiagnosis>> Diagnose(const schema::Config& config);
// The tokens of ca.key alone.
std::vector<KeyDiagnosis> DiagnoseIssuing(const schema::Config& config);

}  // namespace hsm
