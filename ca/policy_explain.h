// Why the policy says what it says of one identity: every rule, every condition, wanted and found.
#pragma once

#include <string>

#include "ca/asked.h"
#include "ca/policy.h"
#include "schema/base/json.h"

namespace ca {

// The same facts as a tree for people (several lines, safe for a terminal) and as JSON.
std::string ExplainText(const Policy& policy, const Asked& asked);
schema::Json ExplainJson(const Policy& policy, const Asked& asked);

// "allowed by rule 'x'", "refused by deny rule 'x'", "refused: no rule allows it", "refused: rule
// 'x' does not allow this key type".
std::string Verdict(const Decision& decision);

}  // namespace ca
