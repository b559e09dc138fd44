// A Custody of some of the signers that a configuration wants.
#pragma once

#include <memory>
#include <string>

#include "hsm/custody.h"
#include "hsm/gates.h"

namespace hsm {

struct SignersWanted {
  bool issuing = true, log = true;  // one at least
  std::string ca;                   // the name of `config`'s CA in ca.rotation; empty: none
};

// As Custody::Start. Facts of a role that is not wanted are empty, and nothing is said of it in
// Ready(). `gates` outlive the custody.
schema::Result<std::unique_ptr<Custody>> StartSigners(const schema::Config& config,
                                                      const std::filesystem::path& program,
                                                      const SignersWanted& wanted, Gates& gates,
                                                      schema::Journal& journal);

}  // namespace hsm
