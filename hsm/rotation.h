// rotation.yaml as signers and their custody read it (schema/rotation.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hsm/guard.h"
#include "schema/rotation.h"

namespace hsm {

// What ca.rotation says; while there is no such file, the CA of ca.chain and ca.key alone.
// kKeyUnusable when it cannot be read or is wrong.
schema::Result<schema::Rotation> ReadRotation(const schema::Config& config);

// The configuration with chain and key of this CA; unchanged for the empty name. kKeyUnusable.
schema::Result<schema::Config> ReadConfigOf(const schema::Config& config, std::string_view ca);

// What the guard of the log signer compares leaves with: each has to be of a CA that the rotation
// names. For one thread.
class LeafGuards {
 public:
  // kKeyUnusable.
  static schema::Result<LeafGuards> Read(const schema::Config& config);
  // Those of the leaf's issuer. An issuer that is new is looked for in the file again; those of the
  // first CA when it is unknown, or `leaf` is none, for the guard to refuse.
  const GuardSettings& Of(schema::BytesView leaf);

 private:
  explicit LeafGuards(schema::Config config) : config_(std::move(config)) {}
  schema::Outcome Load();
  const GuardSettings* Find(schema::BytesView issuer_key_hash) const;

  struct One {
    schema::Hash key_hash;
    GuardSettings guard;
  };
  schema::Config config_;
  std::vector<One> all_;  // never empty
};

}  // namespace hsm
