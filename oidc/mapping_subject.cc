// Issuers whose tokens name a person, a workload or a service: e-mail, URI, user name, SPIFFE,
// Kubernetes, Chainguard.
#include <algorithm>

#include "oidc/mapping_rules.h"
#include "oidc/names.h"
#include "oidc/uri.h"
#include "oidc/verifier.h"

namespace oidc {
namespace {

using schema::Error;
using schema::Json;
using schema::Ok;
using schema::Outcome;
using schema::Result;
using schema::San;

// Some providers write the boolean as a text.
bool IsVerified(const ClaimReader& claims) {
  const Json* verified = claims.Find("email_verified");
  if (verified == nullptr) return false;
  if (verified->is_boolean()) return verified->get<bool>();
  return *verified == "true" || *verified == "True";
}

Result<std::string> VerifiedEmail(const Issuer& issuer, const ClaimReader& claims) {
  TRY(std::string email, claims.Need("email"));
  if (!IsEmail(email)) return Error{&kClaims, "claim \"email\" is not an address that can be used"};
  if (!issuer.skip_email_verification && !IsVerified(claims)) {
    return Error{&kClaims, "claim \"email_verified\" is not true"};
  }
  return email;
}

// The real issuer behind a federating one, as Dex tells it.
Result<std::string> FederatedIssuer(const Issuer& issuer, const ClaimReader& claims) {
  const Json* at = &claims.json();
  for (const std::string& name : issuer.issuer_claim) {
    const auto found = at->is_object() ? at->find(name) : at->end();
    if (!at->is_object() || found == at->end()) {
      return Error{&kClaims, "issuer-claim leads to no claim at \"" + name + "\""};
    }
    at = &*found;
  }
  TRY(std::string text, ClaimText("issuer-claim", *at));
  if (text.empty()) return Error{&kClaims, "the claim at issuer-claim is empty"};
  return text;
}

}  // namespace

Outcome MapEmail(const Issuer& issuer, const ClaimReader& claims, Mapped& out) {
  TRY(out.proof_message, VerifiedEmail(issuer, claims));
  out.san = San{San::Kind::kEmail, out.proof_message};
  if (!issuer.issuer_claim.empty()) {
    TRY(out.issuer, FederatedIssuer(issuer, claims));
  }
  return Ok();
}

Outcome MapUri(const Issuer& issuer, Mapped& out) {
  const auto domain = ParseUri(issuer.subject_domain);
  MUST(domain);  // LoadIssuers checked it
  const auto subject = ParseUri(out.subject);
  if (!subject) return Error{&kClaims, "the subject is not a URI: " + subject.error().detail};
  if (subject->scheme != domain->scheme || subject->host != domain->host) {
    return Error{&kClaims, "the subject is not under subject-domain " + issuer.subject_domain};
  }
  TRY(out.san, UriSan(out.subject));
  return Ok();
}

Outcome MapUsername(const Issuer& issuer, Mapped& out) {
  if (out.subject.find('!') != std::string::npos) {
    return Error{&kClaims, "the user name has a '!', which separates it from the domain"};
  }
  if (IsEmail(out.subject)) return Error{&kClaims, "the user name is an e-mail address"};
  out.san = San{San::Kind::kOtherName, out.subject + "!" + issuer.subject_domain};
  return Ok();
}

Outcome MapSpiffe(const Issuer& issuer, Mapped& out) {
  TRY(const SpiffeId id, ParseSpiffeId(out.subject));
  if (id.trust_domain != issuer.spiffe_trust_domain) {
    return Error{&kClaims, "the SPIFFE ID is not of trust domain " + issuer.spiffe_trust_domain};
  }
  out.san = San{San::Kind::kUri, out.subject};
  return Ok();
}

Outcome MapKubernetes(const Issuer& issuer, const ClaimReader& claims, Mapped& out) {
  static const Json kNothing = Json::object();
  // An object, or an empty one where Rules let it be absent.
  const auto object = [&issuer](const ClaimReader& from, const char* name) -> Result<const Json*> {
    const Json* found = from.Find(name);
    if (found == nullptr && issuer.rules.absent_is_empty) return &kNothing;
    if (found == nullptr || !found->is_object()) {
      return Error{&kClaims, "claim \"" + std::string(name) + "\" is missing or not an object"};
    }
    return found;
  };
  TRY(const Json* kubernetes, object(claims, "kubernetes.io"));
  const ClaimReader inner(*kubernetes);
  TRY(const Json* account, object(inner, "serviceaccount"));
  TRY(const std::string space, inner.Optional("namespace"));
  TRY(const std::string name, ClaimReader(*account).Optional("name"));
  const auto fits = [&issuer](const std::string& text) {
    return text.empty() ? issuer.rules.absent_is_empty : IsDnsName(text);
  };
  if (!fits(space) || !fits(name)) {
    return Error{&kClaims, "namespace or service account is missing or not a Kubernetes name"};
  }
  out.san = San{San::Kind::kUri,
                "https://kubernetes.io/namespaces/" + space + "/serviceaccounts/" + name};
  return Ok();
}

Outcome MapChainguard(const Issuer& issuer, const ClaimReader& claims, Mapped& out) {
  if (const Json* actor = claims.Find("act")) {
    const bool texts = actor->is_object() && std::ranges::all_of(*actor, [](const Json& value) {
                         return value.is_string();
                       });
    if (!texts) return Error{&kClaims, "claim \"act\" is not a map of texts"};
  }
  if (claims.Find("email") != nullptr) {
    TRY(out.proof_message, VerifiedEmail(issuer, claims));
  }
  TRY(const San base, UriSan(out.issuer));
  TRY(const std::string joined,
      JoinClaims(base.value.substr(0, base.value.find_last_not_of('/') + 1), {out.subject}));
  TRY(out.san, UriSan(joined));
  return Ok();
}

}  // namespace oidc
