// Verified claims to an Identity: one rule per issuer type.
#pragma once

#include "oidc/issuers.h"
#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/identity.h"

namespace oidc {

// Everything of the Identity that follows from issuer and claims: issuer, issuer_type, subject,
// san, proof_message and extensions. `claims`, `token_id`, `issued_at` and `expires_at` stay for
// the caller.
//
//   claims  the payload of a token that verified against `issuer`: an object; names are exact-case,
//   null
//           is the same as absent
//
// kClaims (verifier.h, defined in mapping.cc) when a needed claim is absent, empty or of the wrong
// type, or contradicts the issuer's settings. Does not block or parse; a GitHub token takes well
// under 30 µs.
schema::Result<schema::Identity> Map(const Issuer& issuer, const schema::Json& claims);

}  // namespace oidc
