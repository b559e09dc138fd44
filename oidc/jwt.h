// A compact JWS (RFC 7515 7.1) taken apart, before anyone believes it.
#pragma once

#include <string>
#include <string_view>

#include "oidc/algorithm.h"
#include "oidc/jwks.h"
#include "schema/base/bytes.h"
#include "schema/base/json.h"
#include "schema/base/result.h"

namespace oidc {

class Jwt {
 public:
  // `token` must outlive the Jwt.
  //
  // kTokenMalformed  longer than limits::kTokenBytes, not three parts of canonical base64url, not
  // JSON
  //                  objects without repeated keys, no `iss`
  // kTokenAlgorithm  `alg` is none, an HMAC or unknown
  // kTokenHeader     the header brings a key, a place to fetch one, an extension, or another type
  // of token
  //
  // Safe on any bytes (tests/fuzz/jwt_fuzz.cc).
  static schema::Result<Jwt> Parse(std::string_view token);

  const Algorithm& algorithm() const { return *algorithm_; }
  const std::string& kid() const { return kid_; }  // empty: none. A name to look up, nothing else
  // Chooses the key set by comparison with configured issuers, and serves no other purpose.
  const std::string& unverified_issuer() const { return issuer_; }

 private:
  friend schema::Result<schema::Json> VerifiedClaims(Jwt jwt, const KeySet& keys);
  friend schema::Json UnverifiedClaims(Jwt jwt);
  Jwt() = default;

  const Algorithm* algorithm_ = nullptr;
  std::string kid_;
  std::string issuer_;
  std::string_view signing_input_;  // header and payload as sent (RFC 7515 5.2 step 8)
  schema::Bytes signature_;
  schema::Json payload_;
};

// The only way to the payload that anybody may act upon: its signature verified against one of the
// keys.
//
// kKeyUnknown, kTokenAlgorithm  see KeySet::Select
// kTokenSignature               none of them made it
schema::Result<schema::Json> VerifiedClaims(Jwt jwt, const KeySet& keys);

// The payload as somebody sent it, for inspect.cc to show and for nothing else.
schema::Json UnverifiedClaims(Jwt jwt);

}  // namespace oidc
