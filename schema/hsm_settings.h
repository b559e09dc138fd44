// `hsm` of chancery.yaml: where the HSM is, and who starts the signers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "schema/base/document.h"
#include "schema/base/result.h"

namespace schema {

struct HsmSettings {
  // Where the HSM is, when it is in the network: without any the signers have none.
  std::vector<std::string> network;
  // Where `chancery signer --supervise` listens; empty: `serve` starts its signers itself.
  std::filesystem::path socket;
  std::string front;            // user that `serve` runs as, a name or a number; with `socket`
  std::filesystem::path state;  // of the signers' user: what is remembered of refused PINs
};

// `node`: the map, or null. Relative paths start at `directory`. `state`: the server's, which is
// that of the signers too as long as both are one user's.
Result<HsmSettings> ReadHsm(const Node* node, const std::filesystem::path& directory,
                            const std::filesystem::path& state);

}  // namespace schema
