#include "oidc/inspect.h"

#include "oidc/claims.h"
#include "oidc/jwt.h"
#include "oidc/mapping.h"
#include "oidc/steps.h"
#include "oidc/verifier.h"

namespace oidc {
namespace {

using schema::Error;
using schema::Json;
using State = InspectStep::State;

constexpr std::size_t kShownBytes = 300;

// A claim as JSON, for a person.
std::string Shown(const Json& claims, const char* name) {
  const auto claim = claims.find(name);
  if (claim == claims.end()) return "absent";
  std::string out;
  schema::AppendJson(*claim, out);
  if (out.size() > kShownBytes) out.resize(kShownBytes);
  return out;
}

class Inspector {
 public:
  Inspector(const IssuerSet& issuers, const KeyFinder& keys, schema::Time now)
      : issuers_(issuers), keys_(keys), now_(now) {}

  Inspection Run(std::string_view token) && {
    if (token.empty()) {
      Fail(step::kShape, Error{&kTokenMissing, "there is no token"});
      return std::move(out_);
    }
    auto jwt = Jwt::Parse(token);
    if (!jwt) {
      const bool shape = jwt.error().Is(kTokenMalformed);
      if (!shape) Pass(step::kShape, "three parts of base64url, JSON objects");
      Fail(shape ? step::kShape : step::kHeader, jwt.error());
      return std::move(out_);
    }
    Pass(step::kShape, "three parts of base64url, JSON objects");
    Pass(step::kHeader, "alg " + std::string(jwt->algorithm().name) + ", kid " +
                            (jwt->kid().empty() ? "absent" : Json(jwt->kid()).dump()));
    iss_ = jwt->unverified_issuer();
    issuer_ = issuers_.Find(iss_);
    if (issuer_ == nullptr) {
      Fail(step::kIssuer,
           Error{&kIssuerUnknown,
                 "iss " + Json(iss_).dump() + " is neither an issuer nor matches a pattern"});
      return std::move(out_);
    }
    Pass(step::kIssuer, issuer_->url + " (" + issuer_->type_text + ")");
    Signature(*jwt);
    Claims(UnverifiedClaims(*std::move(jwt)));
    return std::move(out_);
  }

 private:
  void Pass(std::string_view name, std::string found) {
    out_.steps.push_back({name, State::kPassed, std::move(found), ""});
  }
  void Unchecked(std::string_view name, std::string found) {
    out_.steps.push_back({name, State::kUnchecked, std::move(found), ""});
  }
  void Fail(std::string_view name, const Error& error, std::string_view more = "") {
    out_.steps.push_back(
        {name, State::kFailed,
         std::string(error.kind->id).append(": ").append(error.detail).append(more),
         std::string(error.kind->text)});
  }

  void Signature(const Jwt& jwt) {
    if (!keys_) {
      Unchecked(step::kKey, "no keys were given or fetched");
      return Unchecked(step::kSignature, "not checked: give the issuer's keys as a JWKS file");
    }
    const auto keys = keys_(*issuer_, iss_);
    if (!keys) {
      Fail(step::kKey, keys.error());
      return Unchecked(step::kSignature, "not checked: there is no key");
    }
    const auto verified = VerifiedClaims(jwt, **keys);
    if (!verified && !verified.error().Is(kTokenSignature)) {
      Fail(step::kKey, verified.error());
      return Unchecked(step::kSignature, "not checked: there is no key");
    }
    Pass(step::kKey,
         std::to_string((*keys)->size()) + " keys, one with the token's kid and algorithm");
    if (!verified) return Fail(step::kSignature, verified.error());
    Pass(step::kSignature, "made by the issuer's key");
  }

  void Claims(Json claims) {
    if (const auto audience = CheckAudience(*issuer_, claims)) {
      Pass(step::kAudience, Shown(claims, "aud"));
    } else {
      std::string accepted;
      for (const std::string& one : issuer_->audiences) accepted.append(" ").append(one);
      Fail(step::kAudience, audience.error(),
           "; aud is " + Shown(claims, "aud") + ", the issuer's audiences are" + accepted);
    }
    std::string times = "iat " + Shown(claims, "iat") + ", exp " + Shown(claims, "exp") + ", at " +
                        schema::Rfc3339(now_) + " of at most " +
                        schema::FormatDuration(issuer_->max_token_age);
    TokenFacts facts{};
    const auto checked = CheckTimes(*issuer_, claims, now_, facts);
    if (checked) {
      Pass(step::kTimes, std::move(times));
    } else {
      Fail(step::kTimes, checked.error(), "; " + times);
    }
    const auto id = TokenId(*issuer_, iss_, claims);
    if (id) {
      const char* of = claims.contains(step::kJti)
                           ? "SHA-256(iss, jti) "
                           : "absent, and not required: SHA-256(all claims) ";
      Pass(step::kJti, of + schema::Hex(*id));
    } else {
      Fail(step::kJti, id.error());
    }
    auto identity = Map(*issuer_, claims);
    if (!identity) return Fail(step::kMapping, identity.error());
    Pass(step::kMapping, identity->san.value);
    identity->claims = std::move(claims);
    identity->issued_at = facts.issued_at;
    identity->expires_at = facts.expires_at;
    if (id) identity->token_id = *id;
    out_.identity = *std::move(identity);
  }

  const IssuerSet& issuers_;
  const KeyFinder& keys_;
  const schema::Time now_;
  std::string iss_;
  std::shared_ptr<const Issuer> issuer_;
  Inspection out_;
};

}  // namespace

Inspection InspectToken(std::string_view token, const IssuerSet& issuers, const KeyFinder& keys,
                        schema::Time now) {
  return Inspector(issuers, keys, now).Run(token);
}

}  // namespace oidc
