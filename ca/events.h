// What the events log says of a decision: one JSON object each. The log adds the time and, to a
// granted event, the leaf index.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "ca/authority.h"
#include "ca/log/event.h"

namespace ca {

// Claims whose names are in `redact` keep their name and lose their value; text is capped at 1 KiB
// a claim; "…" among them says that some were left out (a name over 1 KiB, or all over 24 KiB).
// "shared_audience": true where the token was for every Sigstore service. Of the decision:
//
//   rule, family, policy_digest, kind, key_algorithm
//   rules         how many were evaluated
//   checks        of those for this issuer, in order: {"rule", "effect", "when"}. "when" has one
//                 letter a condition (m matched, d differs, - missing, t wrong type), those of
//                 grant.when after a "+"; "matched", "mode": "audit", "expired" and "key": false
//                 where it is so. At most 20 KiB; "checks_left_out" counts the rest
//   would_deny    ids of audit rules that match; absent when none does. At most 32
//   would_allow   likewise
schema::Result<EventText> GrantedEvent(const schema::Identity& identity, const SubjectKey& key,
                                       const Decision& decision, const Chain& chain,
                                       schema::BytesView tbs, const Serial& serial,
                                       const std::vector<std::string>& redact,
                                       const RequestContext& context);

// `took`: the signature, as its caller saw it.
schema::Result<EventText> IssuedEvent(schema::BytesView certificate, const hsm::Signed& signature,
                                      std::chrono::microseconds took,
                                      const RequestContext& context);

// `decision` is null when the request was refused before the policy was asked.
schema::Result<EventText> DeniedEvent(const schema::Error& error, const schema::Identity& identity,
                                      const Decision* decision,
                                      const std::vector<std::string>& redact,
                                      const RequestContext& context);

}  // namespace ca
