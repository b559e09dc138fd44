// A decision in full: what the events log keeps, and a client may see where its issuer has
// `verbose-denials`.
#pragma once

#include "ca/decision.h"
#include "ca/policy.h"
#include "schema/base/json.h"

namespace ca {

inline constexpr std::size_t kTraceConditions = 64;

// {"rule", "family", "policy_digest", "rules": [{"rule", "effect", "mode", "expired", "matched",
// "key_allowed", "conditions": [{"claim", "wanted", "found", "holds"}]}]}: the rules that apply to
// the issuer, deny before allow, each condition in file order, those of `grant.when` last. Texts
// are cut at 200 octets; beyond kTraceConditions "more": true ends it.
//
//   policy    that made `decision`
//   claims    that it was made of
schema::Json TraceOf(const Policy& policy, const Decision& decision, const schema::Json& claims);

}  // namespace ca
