// What the policy commands are asked about: claims from a file, as the engine wants them.
#pragma once

#include <string>
#include <string_view>

#include "ca/policy.h"
#include "schema/base/json.h"
#include "schema/identity.h"

namespace ca {

extern const schema::ErrorKind kBadInput;  // a file or option of a policy command cannot be used

// An identity that nobody vouches for, with what else a decision depends on.
struct Asked {
  schema::Identity identity;  // issuer, kind, subject and claims; no SAN, no extensions
  std::string key = "ecdsa-p256";
  schema::Time now{};
};

// A JSON object of at most limits::kTokenBytes, as a token's payload is.
schema::Result<schema::Json> ReadClaims(std::string_view text);

// The payload of a compact JWS (RFC 7515 7.1), whose signature is NOT verified: whoever made the
// file may have written what they liked. Space around it is ignored.
schema::Result<schema::Json> ReadUnverifiedPayload(std::string_view token);

// `issuer` is a short name of the policy or a URL; empty: the claims' own "iss". One that
// contradicts the claims is refused, and a name that the policy does not have.
schema::Result<schema::Identity> IdentityOf(const Policy& policy, schema::Json claims,
                                            const std::string& issuer);

// One of AlgorithmNames(), or kBadInput with the names.
schema::Outcome CheckKeyName(std::string_view key);

}  // namespace ca
