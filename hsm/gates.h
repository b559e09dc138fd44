// The gates of all tokens that one server logs in to.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>

#include "hsm/login_gate.h"
#include "hsm/signer_source.h"
#include "schema/config.h"

namespace hsm {

// For one thread at a time.
class Gates {
 public:
  // Keys of one token share a gate. A URI that does not parse is the signer's to report. A person
  // who has to enter the PIN of a new gate is asked here, by a process of the program.
  schema::Result<LoginGate*> Of(const std::string& key, const schema::Config& config,
                                const SignerSource& source);

 private:
  using Name = std::array<std::string, 4>;
  std::map<Name, std::unique_ptr<LoginGate>> gates_;
};

}  // namespace hsm
