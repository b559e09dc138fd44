// Is a verified token meant for us, and now? (RFC 7519 4.1)
#pragma once

#include <string_view>

#include "oidc/issuers.h"
#include "schema/base/bytes.h"
#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace oidc {

struct TokenFacts {
  schema::Time issued_at;   // "iat", fractions dropped
  schema::Time expires_at;  // "exp"
  std::string audience;     // the one of "aud"
  // What makes the token the same one: SHA-256(iss ‖ 0x00 ‖ jti), or without a jti SHA-256 of all
  // claims as JSON with sorted names.
  schema::Hash token_id;
};

// CheckClaims reads what every token must have; the identity in it is mapping.h's.
//
//   claims   the payload of a token whose signature verified
//   iss      the issuer whose keys verified it; for a pattern, the one that matched
//   now      one reading of the clock
//
// kTokenMalformed     exp, nbf or iat is not a number between 1970 and 9999, exp or iat is absent,
//                     or jti is not a string of 1 to 1024 octets
// kIssuerUnknown      `iss` is not the issuer whose keys verified the token
// kAudience           `aud` is not exactly one of the issuer's audiences, as a string or a list of
//                     one: a token that also opens another door could come from behind it
// kTokenExpired       now >= exp; no leeway (RFC 7519 4.1.4)
// kTokenNotYetValid   nbf or iat is later than now + issuer.skew
// kTokenTooOld        now - iat > issuer.max_token_age + issuer.skew, or exp - iat >
// limits::kTokenAge kClaims             the issuer's tokens must have a jti and this one has none
//
// `step`, when not null, gets the step (steps.h) that refused.
schema::Result<TokenFacts> CheckClaims(const Issuer& issuer, std::string_view iss,
                                       const schema::Json& claims, schema::Time now,
                                       std::string_view* step = nullptr);

// Its parts, for inspect.cc: each looks at nothing else. CheckTimes fills the two times of `facts`,
// as far as it gets.
schema::Result<std::string> CheckAudience(const Issuer& issuer, const schema::Json& claims);
schema::Outcome CheckTimes(const Issuer& issuer, const schema::Json& claims, schema::Time now,
                           TokenFacts& facts);
schema::Result<schema::Hash> TokenId(const Issuer& issuer, std::string_view iss,
                                     const schema::Json& claims);

}  // namespace oidc
