// rotation.yaml: the issuing CAs that live side by side, where each one is in its life, and the
// next shard of the certificates log. Its JSON Schema is rotation.schema.json; `chancery rotate`
// writes it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/config.h"

namespace schema {

enum class CaState {
  kPrepared,  // published, and not in use yet
  kActive,    // signs all new certificates; exactly one
  kReplaced,  // was active; finishes what it began
  kRetired,   // signs nothing more; stays in trust material, its window closed
};
std::string_view CaStateName(CaState state);  // "prepared", …

struct RotationCa {
  std::string name;  // [a-z0-9.-]+
  CaState state = CaState::kActive;
  std::string chain;  // a path as written; from the configuration's folder
  // As ca.key; `sessions` is 0 in a token that does not say, which has those of ca.sessions then.
  std::vector<KeyToken> keys;
  // When it came into each state; the last time it did.
  std::optional<Time> prepared, activated, replaced, retired;
  std::string reason;  // why it was activated before its time; empty: it was not
};

// Of the certificates log: published before the configuration opens it.
struct NextShard {
  std::string name;
  std::string key;  // PEM of its public key: a path as written; from the configuration's folder
  Time prepared;
};

struct Rotation {
  std::vector<RotationCa> cas;  // in order of preparation; names differ, one is active
  std::optional<NextShard> next_shard{};

  const RotationCa& Active() const;
  const RotationCa* Find(std::string_view name) const;  // or null
  RotationCa* Find(std::string_view name);
};

// The name of the CA that `ca.chain` and `ca.key` describe, as long as there is no file.
inline constexpr std::string_view kFirstCa = "first";
// That CA alone, active.
Rotation RotationOf(const Config& config);

// Errors name the key's path and line.
Result<Rotation> ParseRotation(std::string_view text);
// What ParseRotation reads as the same.
std::string FormatRotation(const Rotation& rotation);

// The configuration of one of them alone: its chain and keys stand in `ca`, under the names of
// ca.key.
Config ConfigOf(const Config& config, const RotationCa& ca);

// kBadSetting unless it can be the name of a CA.
Outcome CheckCaName(std::string_view name);

}  // namespace schema
