#include "oidc/verifier.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "oidc/claims.h"
#include "oidc/issuers.h"
#include "oidc/jwt.h"
#include "oidc/keys.h"
#include "oidc/mapping.h"
#include "oidc/steps.h"

namespace oidc {

using schema::Error;
using schema::ErrorKind;
using schema::Fault;
using schema::Result;

const ErrorKind kTokenMissing{"token-missing", Fault::kToken,
                              "There is no identity token: send one as a bearer token or in the "
                              "request's credentials."};
const ErrorKind kTokenMalformed{
    "token-malformed", Fault::kToken,
    "The identity token is not a well-formed JWT: send it exactly as the "
    "issuer gave it."};
const ErrorKind kTokenAlgorithm{
    "token-algorithm", Fault::kToken,
    "The identity token's signature algorithm is not accepted: it must be "
    "RS, PS, ES or EdDSA and the one the issuer's key is for."};
const ErrorKind kTokenHeader{"token-header", Fault::kToken,
                             "The identity token's header has a parameter or a type that is not "
                             "accepted: ask the issuer for a plain identity token."};
const ErrorKind kIssuerUnknown{
    "issuer-unknown", Fault::kToken,
    "The identity token's issuer is not configured here: check the token's "
    "iss, or have the issuer added."};
const ErrorKind kIssuerUnavailable{"issuer-unavailable", Fault::kBusy,
                                   "The keys of the identity token's issuer cannot be fetched just "
                                   "now: try again."};
const ErrorKind kKeyUnknown{
    "key-unknown", Fault::kToken,
    "The identity token names a key that its issuer does not publish: get a "
    "new token."};
const ErrorKind kTokenSignature{"token-signature", Fault::kToken,
                                "The identity token's signature is wrong: send it exactly as the "
                                "issuer gave it."};
const ErrorKind kAudience{
    "audience", Fault::kToken,
    "The identity token is for another audience: ask the issuer for a token for "
    "the one this service's configuration names, and only that."};
const ErrorKind kTokenExpired{"token-expired", Fault::kToken,
                              "The identity token has expired: get a new one."};
const ErrorKind kTokenNotYetValid{
    "token-not-yet-valid", Fault::kToken,
    "The identity token is not valid yet: check the clocks of the issuer "
    "and of this service."};
const ErrorKind kTokenTooOld{"token-too-old", Fault::kToken,
                             "The identity token is too old or lives too long: get a fresh, "
                             "short-lived one just before signing."};
const ErrorKind kIssuerLost{
    "issuer-lost", Fault::kUs,
    "An issuer that is served now has an entry that cannot be used; the issuers stay as they were"};

namespace {

void Warn(const IssuerSet& issuers, schema::Journal& journal) {
  for (const std::string& warning : issuers.warnings) {
    journal.Warning("issuers-warning", {{"what", warning}});
  }
}

LoadedIssuers Summary(const IssuerSet& issuers) {
  return {issuers.digest, issuers.exact.size() + issuers.patterns.size()};
}

class TokenVerifier final : public Verifier {
 public:
  TokenVerifier(IssuerSet issuers, std::filesystem::path directory, const Rules& rules,
                schema::Fetcher& fetcher, const schema::Clock& clock, schema::Journal& journal)
      : directory_(std::move(directory)),
        rules_(rules),
        clock_(clock),
        journal_(journal),
        keys_(issuers, fetcher, clock, journal),
        issuers_(std::make_shared<const IssuerSet>(std::move(issuers))) {}

  Result<schema::Identity> Verify(std::string_view token, std::string_view* failed_at) override;
  schema::Outcome Reload(
      std::string_view issuers_text, std::vector<schema::Error>& problems,
      const std::function<schema::Outcome(const LoadedIssuers&)>& enter) override;
  LoadedIssuers Loaded() const override { return Summary(*Current()); }
  void WaitForReload() override { const std::lock_guard settled(change_mutex_); }
  bool VerboseDenials(std::string_view iss) const override {
    const auto issuer = Current()->Find(iss);
    return issuer != nullptr && issuer->verbose_denials;
  }
  std::vector<IssuerInfo> Issuers() const override;
  std::vector<IssuerHealth> Health() const override { return keys_.Health(); }

 private:
  // `step` is where it is, after an error where it failed.
  Result<schema::Identity> VerifyFor(const std::shared_ptr<const Issuer>& issuer, Jwt jwt,
                                     std::string_view& step);
  std::shared_ptr<const IssuerSet> Current() const {
    const std::lock_guard lock(mutex_);
    return issuers_;
  }

  const std::filesystem::path directory_;
  const Rules rules_;
  const schema::Clock& clock_;
  schema::Journal& journal_;
  KeyStore keys_;
  std::mutex change_mutex_;  // held while a text is read, entered and put in force
  mutable std::mutex mutex_;
  std::shared_ptr<const IssuerSet> issuers_;  // guarded by mutex_
};

Result<schema::Identity> TokenVerifier::Verify(std::string_view token,
                                               std::string_view* failed_at) {
  if (failed_at != nullptr) *failed_at = {};
  if (token.empty()) return Error{&kTokenMissing, ""};
  TRY(Jwt jwt, Jwt::Parse(token));
  const auto issuers = Current();
  const auto issuer = issuers->Find(jwt.unverified_issuer());
  if (issuer == nullptr) return Error{&kIssuerUnknown, "not configured"};
  std::string_view step;
  auto identity = VerifyFor(issuer, std::move(jwt), step);
  if (!identity && failed_at != nullptr && issuer->verbose_denials) *failed_at = step;
  if (identity) identity->issuers_digest = issuers->digest;
  return identity;
}

Result<schema::Identity> TokenVerifier::VerifyFor(const std::shared_ptr<const Issuer>& issuer,
                                                  Jwt jwt, std::string_view& step) {
  const std::string iss = jwt.unverified_issuer();
  step = step::kKey;
  TRY(const auto keys, keys_.Keys(issuer, iss, jwt.kid()));
  auto claims = VerifiedClaims(std::move(jwt), *keys);
  if (!claims) {
    if (claims.error().Is(kTokenSignature)) {
      step = step::kSignature;
      keys_.Suspect(iss);
    }
    return std::move(claims).error();
  }
  TRY(const TokenFacts facts,
      CheckClaims(*issuer, iss, *claims, schema::ToSeconds(clock_.Now()), &step));
  step = step::kMapping;
  TRY(schema::Identity identity, Map(*issuer, *claims));
  identity.claims = *std::move(claims);
  identity.token_id = facts.token_id;
  identity.shared_audience = facts.audience == kSharedAudience;
  identity.issued_at = facts.issued_at;
  identity.expires_at = facts.expires_at;
  return identity;
}

schema::Outcome TokenVerifier::Reload(
    std::string_view issuers_text, std::vector<schema::Error>& problems,
    const std::function<schema::Outcome(const LoadedIssuers&)>& enter) {
  const std::lock_guard changing(change_mutex_);
  TRY(IssuerSet next, LoadIssuers(issuers_text, directory_, problems, rules_));
  const auto now = Current();
  for (const std::string& key : next.left_out) {
    const bool served =
        now->exact.contains(key) ||
        std::ranges::any_of(now->patterns, [&key](const auto& p) { return p->url == key; });
    if (served) return Error{&kIssuerLost, key};
  }
  Warn(next, journal_);
  TRY(enter(Summary(next)));
  // The keys first: whoever finds a new issuer finds its entry among them.
  keys_.Replace(next);
  auto swapped = std::make_shared<const IssuerSet>(std::move(next));
  const std::lock_guard lock(mutex_);
  issuers_ = std::move(swapped);
  return schema::Ok();
}

IssuerInfo Describe(const Issuer& issuer) {
  return {.url = issuer.url,
          .wildcard = issuer.wildcard(),
          .audience = issuer.audiences.front(),
          .challenge_claim = issuer.challenge_claim,
          .spiffe_trust_domain = issuer.spiffe_trust_domain,
          .type = issuer.type_text,
          .subject_domain = issuer.subject_domain,
          .skip_email_verification = issuer.skip_email_verification};
}

std::vector<IssuerInfo> TokenVerifier::Issuers() const {
  std::vector<IssuerInfo> out;
  const auto issuers = Current();
  for (const auto& [url, issuer] : issuers->exact) out.push_back(Describe(*issuer));
  for (const auto& issuer : issuers->patterns) out.push_back(Describe(*issuer));
  return out;
}

}  // namespace

Result<std::unique_ptr<Verifier>> Verifier::Create(
    std::string_view issuers_text, const std::filesystem::path& directory, schema::Fetcher& fetcher,
    const schema::Clock& clock, schema::Journal& journal, std::vector<schema::Error>& problems,
    const Rules& rules) {
  TRY(IssuerSet issuers, LoadIssuers(issuers_text, directory, problems, rules));
  Warn(issuers, journal);
  return std::unique_ptr<Verifier>(std::make_unique<TokenVerifier>(std::move(issuers), directory,
                                                                   rules, fetcher, clock, journal));
}

}  // namespace oidc
