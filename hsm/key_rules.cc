#include "hsm/key_rules.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>

namespace hsm {

const std::vector<KeyRule>& KeyRules() {
  static const std::vector<KeyRule> rules = {
      {"CKA_SENSITIVE", CKA_SENSITIVE, true, false, true, "its value can be read in plain text"},
      {"CKA_ALWAYS_SENSITIVE", CKA_ALWAYS_SENSITIVE, true, false, true,
       "its value could once be read in plain text"},
      {"CKA_EXTRACTABLE", CKA_EXTRACTABLE, false, false, true, "it can be wrapped and taken away"},
      {"CKA_NEVER_EXTRACTABLE", CKA_NEVER_EXTRACTABLE, true, false, true,
       "it could once be wrapped and taken away"},
      {"CKA_LOCAL", CKA_LOCAL, true, false, true, "it was not generated in this token"},
      {"CKA_SIGN", CKA_SIGN, true, false, false, "it may not sign"},
      {"CKA_DECRYPT", CKA_DECRYPT, false, true, true, "it serves another purpose too: decryption"},
      {"CKA_UNWRAP", CKA_UNWRAP, false, true, true, "it serves another purpose too: unwrapping"},
      {"CKA_DERIVE", CKA_DERIVE, false, true, true, "it serves another purpose too: derivation"},
      {"CKA_TOKEN", CKA_TOKEN, true, true, false, "it is lost with the session that made it"},
      {"CKA_PRIVATE", CKA_PRIVATE, std::nullopt, true, false, ""},
      {"CKA_MODIFIABLE", CKA_MODIFIABLE, std::nullopt, true, false, ""},
      {"CKA_ALWAYS_AUTHENTICATE", CKA_ALWAYS_AUTHENTICATE, std::nullopt, true, false, ""},
  };
  return rules;
}

std::vector<std::string> KeyFindings::Broken(bool waived) const {
  std::vector<std::string> names;
  for (const KeyAttribute& attribute : attributes) {
    if (attribute.broken && attribute.waived == waived) names.emplace_back(attribute.rule->name);
  }
  return names;
}

KeyFindings JudgeKey(const std::function<std::optional<bool>(unsigned long)>& read,
                     const std::vector<std::string>& waived) {
  KeyFindings findings;
  for (const KeyRule& rule : KeyRules()) {
    const std::optional<bool> value = read(rule.type);
    const bool kept = !rule.wanted || (value ? *value == *rule.wanted : rule.absent_is_fine);
    const bool named = std::ranges::find(waived, rule.name) != waived.end();
    findings.attributes.push_back({&rule, value, !kept, !kept && rule.waivable && named});
  }
  return findings;
}

}  // namespace hsm
