// Who asks: what oidc made of a verified token, and all that ca needs to know of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/json.h"
#include "schema/base/time.h"

namespace schema {

// The certificate's one subjectAltName (RFC 5280 4.2.1.6).
struct San {
  enum class Kind { kUri, kEmail, kOtherName };
  Kind kind;
  std::string value;  // URI and e-mail: ASCII; otherName: UTF-8 of 1.3.6.1.4.1.57264.1.7
};

// One extension under 1.3.6.1.4.1.57264.1; `arc` is the last number, schema/extensions.h says how
// the text is encoded.
struct FulcioExtension {
  int arc;
  std::string text;  // UTF-8, not empty
};

struct Identity {
  std::string issuer;       // the configured issuer, equal to the token's "iss"
  std::string issuer_type;  // "ci-provider", "email", …
  // What its claims mean (schema/vocabulary.h): the name of the issuer's ci-provider, else its
  // type.
  std::string kind;     // "github-workflow", "email", …
  std::string subject;  // "sub" as it stands in the token
  San san;
  std::string proof_message;  // the text whose signature proves possession: the e-mail, else "sub"
  std::vector<FulcioExtension> extensions;  // ascending arc; 1 and 8 always present

  std::string issuers_digest;  // of the issuers file that it was verified under
  // "aud" is the one that every Sigstore service asks for: the token may have been sent to another.
  bool shared_audience = false;

  Json claims;                   // the whole verified payload, for policy and the events log
  std::optional<Hash> token_id;  // what makes two tokens one (oidc/claims.h); oidc always sets it
  Time issued_at;                // "iat"
  Time expires_at;               // "exp"
};

}  // namespace schema
