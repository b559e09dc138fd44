// What a private key in a token has to be, by its PKCS#11 attributes (v2.40, 4.4 and 4.9).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "schema/base/result.h"

namespace hsm {

// The attributes that are read at each start. `wanted`: what the rule asks; nothing: only reported.
struct KeyRule {
  const char* name;    // "CKA_SENSITIVE"
  unsigned long type;  // its CKA_ number
  std::optional<bool> wanted;
  bool absent_is_fine;  // a token that does not know the attribute keeps the rule
  bool waivable;
  const char* why;  // what the broken rule means
};
const std::vector<KeyRule>& KeyRules();

struct KeyAttribute {
  const KeyRule* rule;
  std::optional<bool> value;  // nothing: the token has no such attribute
  bool broken, waived;
};

struct KeyFindings {
  std::vector<KeyAttribute> attributes;                // in the order of KeyRules
  std::vector<std::string> Broken(bool waived) const;  // names
};

// `read` gives an attribute's value, or nothing.
KeyFindings JudgeKey(const std::function<std::optional<bool>(unsigned long)>& read,
                     const std::vector<std::string>& waived);

}  // namespace hsm
