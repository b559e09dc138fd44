#include "hsm/token_use.h"

#include <algorithm>

namespace hsm {

using schema::KeyToken;

namespace {

bool InToken(const KeyToken& key) { return !key.uri.starts_with("file:"); }

}  // namespace

std::vector<KeyUse> KeyUses(const schema::Config& config) {
  std::vector<KeyUse> uses;
  const auto add = [&uses](const char* setting, const std::vector<KeyToken>& tokens) {
    if (std::ranges::all_of(tokens, InToken)) uses.push_back({setting, tokens});
  };
  add("ca.key", config.ca.keys);
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
