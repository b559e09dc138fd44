#include "hsm/token_use.h"

#include <algorithm>

#include "hsm/rotation.h"

namespace hsm {

using schema::KeyToken;

namespace {

bool InToken(const KeyToken& key) { return !key.uri.starts_with("file:"); }

}  // namespace

schema::Result<std::vector<KeyUse>> KeyUses(const schema::Config& config) {
  std::vector<KeyUse> uses;
  const auto add = [&uses](std::string setting, const std::vector<KeyToken>& tokens) {
    if (std::ranges::all_of(tokens, InToken)) uses.push_back({std::move(setting), tokens});
  };
  if (config.ca.rotation.empty()) {
    add("ca.key", config.ca.keys);
  } else {
    TRY(const schema::Rotation rotation, ReadRotation(config));
    for (const schema::RotationCa& ca : rotation.cas) {
      if (ca.state == schema::CaState::kRetired) continue;
      add("key of CA " + ca.name, schema::ConfigOf(config, ca).ca.keys);
    }
  }
  add("log.certificates.key", config.log.certificates.keys);
  return uses;
}

std::vector<std::string> KeysThatNeed(const std::vector<KeyUse>& uses, const std::string& token,
                                      const DrainNotes& notes) {
  std::vector<std::string> keys;
  for (const KeyUse& use : uses) {
    const bool holds = std::ranges::find(use.tokens, token, &KeyToken::name) != use.tokens.end();
    const bool others = std::ranges::any_of(use.tokens, [&](const KeyToken& other) {
      return other.name != token && !IsDrained(notes, other.name);
    });
    if (holds && !others) keys.push_back(use.setting);
  }
  return keys;
}

}  // namespace hsm
