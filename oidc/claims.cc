#include "oidc/claims.h"

#include <algorithm>
#include <cmath>

#include "oidc/steps.h"
#include "oidc/verifier.h"
#include "schema/base/limits.h"

namespace oidc {

using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Result;
using schema::Time;
using std::chrono::seconds;

namespace {

constexpr std::int64_t kEndOfYear9999 = 253402300799;
constexpr std::size_t kTokenIdBytesMax = 1024;

// RFC 7519 2, NumericDate: seconds, perhaps with a fraction. Absent: nullopt.
Result<std::optional<Time>> Instant(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::optional<Time>();
  const Error wrong{&kTokenMalformed, std::string(name) + " is not a time"};
  std::int64_t value = 0;
  if (found->is_number_integer()) {
    // Beyond int64_t the conversion gives a negative number: also refused.
    value = found->get<std::int64_t>();
    if (value < 0 || value > kEndOfYear9999) return wrong;
  } else if (found->is_number_float()) {
    // Compared before it is converted: a conversion out of range has no defined result.
    const double number = found->get<double>();
    if (!(number >= 0 && number <= static_cast<double>(kEndOfYear9999))) return wrong;
    value = static_cast<std::int64_t>(std::floor(number));
  } else {
    return wrong;
  }
  return std::optional<Time>(Time(seconds(value)));
}

Result<Time> NeededInstant(const Json& claims, const char* name) {
  TRY(const auto instant, Instant(claims, name));
  if (!instant) return Error{&kTokenMalformed, std::string(name) + " is absent"};
  return *instant;
}

}  // namespace

Result<std::string> CheckAudience(const Issuer& issuer, const Json& claims) {
  const auto aud = claims.find("aud");
  if (aud == claims.end()) return Error{&kAudience, "aud is absent"};
  const bool list = aud->is_array();
  if (list && aud->size() != 1) return Error{&kAudience, "aud names several, or nobody"};
  const Json& one = list ? aud->front() : *aud;
  if (!one.is_string()) return Error{&kAudience, "aud is not a string"};
  const auto& text = one.get_ref<const std::string&>();
  if (std::ranges::find(issuer.audiences, text) == issuer.audiences.end())
    return Error{&kAudience, "aud is not one of the issuer's audiences"};
  return text;
}

Outcome CheckTimes(const Issuer& issuer, const Json& claims, Time now, TokenFacts& facts) {
  TRY(facts.expires_at, NeededInstant(claims, "exp"));
  TRY(facts.issued_at, NeededInstant(claims, "iat"));
  TRY(const auto not_before, Instant(claims, "nbf"));
  if (now >= facts.expires_at)
    return Error{&kTokenExpired, "exp " + schema::Rfc3339(facts.expires_at)};
  if (not_before && *not_before > now + issuer.skew)
    return Error{&kTokenNotYetValid, "nbf " + schema::Rfc3339(*not_before)};
  if (facts.issued_at > now + issuer.skew)
    return Error{&kTokenNotYetValid, "iat " + schema::Rfc3339(facts.issued_at)};
  if (now - facts.issued_at > issuer.max_token_age + issuer.skew)
    return Error{&kTokenTooOld, "iat " + schema::Rfc3339(facts.issued_at)};
  if (facts.expires_at - facts.issued_at > schema::limits::kTokenAge)
    return Error{&kTokenTooOld, "exp - iat above the limit"};
  return schema::Ok();
}

// What makes two tokens one, in this one place. Never the token's octets: base64 and ECDSA
// signatures have several forms of one token.
//
// With `jti`, the issuer and it. Without, all claims, canonical: two tokens whose claims are the
// same to the second of `iat` are the same, so a job that asks twice within a second has to ask
// again. The inputs of the two cannot be equal: one has a zero octet, the other, JSON, has none.
Result<schema::Hash> TokenId(const Issuer& issuer, std::string_view iss, const Json& claims) {
  const auto jti = claims.find("jti");
  if (jti == claims.end()) {
    if (issuer.jti == "required") return Error{&kClaims, "jti is absent and required"};
    std::string canonical;
    schema::AppendJson(claims, canonical);
    return schema::Sha256(schema::AsBytes(canonical));
  }
  if (!jti->is_string()) return Error{&kTokenMalformed, "jti is not a string"};
  const auto& text = jti->get_ref<const std::string&>();
  if (text.empty() || text.size() > kTokenIdBytesMax)
    return Error{&kTokenMalformed, "jti is empty or too long"};
  std::string input(iss);
  input.append(1, '\0').append(text);
  return schema::Sha256(schema::AsBytes(input));
}

Result<TokenFacts> CheckClaims(const Issuer& issuer, std::string_view iss, const Json& claims,
                               Time now, std::string_view* step) {
  const auto at = [step](std::string_view name) {
    if (step != nullptr) *step = name;
  };
  at(step::kIssuer);
  const auto named = claims.find("iss");
  if (named == claims.end() || !named->is_string() || named->get_ref<const std::string&>() != iss)
    return Error{&kIssuerUnknown, "iss is not the issuer whose keys verified the token"};
  at(step::kAudience);
  TokenFacts out{};
  TRY(out.audience, CheckAudience(issuer, claims));
  at(step::kTimes);
  TRY(CheckTimes(issuer, claims, now, out));
  at(step::kJti);
  TRY(out.token_id, TokenId(issuer, iss, claims));
  return out;
}

}  // namespace oidc
