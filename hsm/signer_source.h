// Where signers come from: started by this process, or had of a supervisor.
#pragma once

#include <filesystem>
#include <string>

#include "hsm/join.h"
#include "hsm/process.h"
#include "schema/base/result.h"

namespace hsm {

struct SignerSource {
  std::filesystem::path program;
  std::filesystem::path config_file;
  std::string config_text;         // what signers of this process read in its place
  std::filesystem::path socket{};  // of a supervisor (hsm/join.h); empty: `program` is started

  // PIN sources, file keys and what is remembered of refused PINs are the supervisor's then.
  bool supervised() const { return !socket.empty(); }

  // A signer whose hello is to be read. Call it on the thread that will own the process.
  schema::Result<SignerProcess> Bring(const SignerOrder& order, int entered_pin) const;
};

}  // namespace hsm
