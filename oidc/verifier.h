// Token in, Identity out: the folder's one entry point.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "oidc/rules.h"
#include "schema/base/fetch.h"
#include "schema/base/journal.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/identity.h"

namespace oidc {

// Every refusal of a token; all are Fault::kToken, so the client sees 401 with the kind's id and
// text.
extern const schema::ErrorKind kTokenMissing;
extern const schema::ErrorKind
    kTokenMalformed;  // not a compact JWS, bad base64url, bad JSON, duplicate key
extern const schema::ErrorKind kTokenAlgorithm;  // none, HMAC, unknown, or not fitting the key
extern const schema::ErrorKind kTokenHeader;     // jku, x5u, jwk, crit …
extern const schema::ErrorKind kIssuerUnknown;
extern const schema::ErrorKind
    kIssuerUnavailable;  // Fault::kBusy: no keys yet and the endpoint does not answer
extern const schema::ErrorKind kKeyUnknown;  // kid not in the issuer's JWKS, even after a refresh
extern const schema::ErrorKind kTokenSignature;
extern const schema::ErrorKind kAudience;
extern const schema::ErrorKind kTokenExpired;
extern const schema::ErrorKind kTokenNotYetValid;
extern const schema::ErrorKind
    kTokenTooOld;  // older than max-token-age, or lives longer than allowed
extern const schema::ErrorKind
    kClaims;  // a claim the issuer's type needs is missing or wrong (mapping.cc)

// Fault::kUs: a reload would lose an issuer by a mistake in its entry.
extern const schema::ErrorKind kIssuerLost;

// What GET /api/v2/configuration shows of one issuer (reference: OIDCIssuer).
struct IssuerInfo {
  std::string url;  // or the pattern, when wildcard
  bool wildcard = false;
  std::string audience;         // the first
  std::string challenge_claim;  // "email" or "sub"
  std::string spiffe_trust_domain;
  std::string type;
  std::string subject_domain;
  bool skip_email_verification = false;
};

// A text of the issuers file: what the events log says of it.
struct LoadedIssuers {
  std::string digest;  // Identity::issuers_digest of what is verified under it
  std::size_t count;
};

struct IssuerHealth {
  std::string url;
  bool has_keys;
  double keys_age_seconds;  // since the last good fetch; 0 when never
  std::string last_error;   // empty when the last fetch went well
};

class Verifier {
 public:
  // `issuers_text` is Fulcio's identity configuration (YAML). A bad issuer is left out and reported
  // in `problems`; kBadDocument or kNoIssuers only when nothing can be served. What an operator
  // should know of the rest is a warning in `journal`. `rules` as in LoadIssuers. Starts background
  // threads that fetch discovery documents and JWKS; never blocks on the network itself.
  static schema::Result<std::unique_ptr<Verifier>> Create(
      std::string_view issuers_text, const std::filesystem::path& directory,
      schema::Fetcher& fetcher, const schema::Clock& clock, schema::Journal& journal,
      std::vector<schema::Error>& problems, const Rules& rules = kChanceryRules);
  virtual ~Verifier() = default;

  // Takes another text of the issuers file; a token is verified under the old one or the new one,
  // whole. Issuers that stay keep their keys. What is new is fetched in the background.
  //
  // kBadDocument, kNoIssuers  as above; the old issuers stay
  // kIssuerLost               an issuer that is served now has an entry that cannot be used: its
  //                           tokens would be refused for a mistake, so the old issuers stay
  //
  // `enter` is called when nothing is wrong with the text and before any token is verified under
  // it: an error of it is returned, and the old issuers stay.
  virtual schema::Outcome Reload(
      std::string_view issuers_text, std::vector<schema::Error>& problems,
      const std::function<schema::Outcome(const LoadedIssuers&)>& enter) = 0;
  // The issuers in force.
  virtual LoadedIssuers Loaded() const = 0;
  // Blocks while a reload is under way, for about a commit of the log.
  virtual void WaitForReload() = 0;

  // Verifies signature, claims and times, then maps the claims. Blocks only when the issuer's keys
  // are not there yet or the kid is unknown: up to the fetch timeout, one fetch for all who wait.
  // Thread-safe.
  //
  // `failed_at`, when not null, gets the step (steps.h) that refused the token, where its "iss" is
  // an issuer with verbose-denials; else empty.
  virtual schema::Result<schema::Identity> Verify(std::string_view token,
                                                  std::string_view* failed_at = nullptr) = 0;

  // Whether clients with tokens of this "iss" may see why the policy refused them.
  virtual bool VerboseDenials(std::string_view iss) const = 0;

  virtual std::vector<IssuerInfo> Issuers() const = 0;
  virtual std::vector<IssuerHealth> Health() const = 0;
};

}  // namespace oidc
