#include "oidc/jwt.h"

#include <algorithm>
#include <array>
#include <optional>

#include "oidc/verifier.h"
#include "schema/base/base64.h"
#include "schema/base/limits.h"

namespace oidc {

using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kHeaderDepth = 4;
constexpr std::size_t kKidBytesMax = 1024;

// Parameters that bring a key or a place to fetch one (RFC 7515 4.1.2, 4.1.3, 4.1.5, 4.1.6), that
// demand to be understood (4.1.11, RFC 7797), or that belong to encryption (RFC 7516 4.1). A
// thumbprint such as GitHub's `x5t` names a key at most; it and what is not known is ignored, as
// RFC 7515 4 has it.
constexpr std::array<const char*, 15> kRefused = {"jku", "jwk", "x5u", "x5c", "crit",
                                                  "b64", "zip", "enc", "epk", "apu",
                                                  "apv", "iv",  "tag", "p2s", "p2c"};

Error Malformed(std::string why) { return {&kTokenMalformed, std::move(why)}; }

struct Parts {
  std::string_view header, payload, signature;
};

std::optional<Parts> Split(std::string_view token) {
  // Counted before anything is allocated: a token of dots must cost nothing.
  if (std::ranges::count(token, '.') != 2) return std::nullopt;
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1)};
}

Result<Json> ParseObject(std::string_view part, const char* name,
                         const schema::JsonLimits& limits) {
  const auto octets = schema::DecodeBase64UrlStrict(part);
  if (!octets) return Malformed(std::string(name) + ": " + octets.error().detail);
  auto object = schema::ParseJson(schema::AsText(*octets), limits);
  if (!object) return Malformed(std::string(name) + ": " + object.error().detail);
  if (!object->is_object()) return Malformed(std::string(name) + " is not an object");
  return object;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// RFC 8725 3.11: a token of another type, such as a logout token, is not an identity. RFC
// 7515 4.1.9 lets "application/" be left out and ignores case; SPIFFE says JOSE, RFC 9068 at+jwt.
bool IsIdentityType(std::string_view typ) {
  constexpr std::string_view kPrefix = "application/";
  if (typ.size() > kPrefix.size() && EqualIgnoringCase(typ.substr(0, kPrefix.size()), kPrefix))
    typ.remove_prefix(kPrefix.size());
  return EqualIgnoringCase(typ, "JWT") || EqualIgnoringCase(typ, "JOSE") ||
         EqualIgnoringCase(typ, "at+jwt");
}

Outcome CheckHeader(const Json& header) {
  for (const char* name : kRefused)
    if (header.contains(name)) return Error{&kTokenHeader, std::string(name) + " is present"};
  if (const auto typ = header.find("typ"); typ != header.end())
    if (!typ->is_string() || !IsIdentityType(typ->get_ref<const std::string&>()))
      return Error{&kTokenHeader, "typ is not JWT"};
  // RFC 7519 5.2: present only when another token is nested inside.
  if (header.contains("cty")) return Error{&kTokenHeader, "cty is present"};
  return schema::Ok();
}

Result<const Algorithm*> ReadAlgorithm(const Json& header) {
  const auto alg = header.find("alg");
  if (alg == header.end() || !alg->is_string()) return Malformed("alg is not a string");
  const Algorithm* found = FindAlgorithm(alg->get_ref<const std::string&>());
  if (found == nullptr) return Error{&kTokenAlgorithm, "alg is none, an HMAC or unknown"};
  return found;
}

Result<std::string> ReadKid(const Json& header) {
  const auto kid = header.find("kid");
  if (kid == header.end()) return std::string();
  if (!kid->is_string()) return Malformed("kid is not a string");
  if (kid->get_ref<const std::string&>().size() > kKidBytesMax) return Malformed("kid is too long");
  return kid->get<std::string>();
}

}  // namespace

Result<Jwt> Jwt::Parse(std::string_view token) {
  if (token.size() > schema::limits::kTokenBytes) return Malformed("too long");
  const auto parts = Split(token);
  if (!parts) return Malformed("not three parts");
  TRY(const Json header, ParseObject(parts->header, "header", {kHeaderBytes, kHeaderDepth}));
  Jwt out;
  TRY(out.algorithm_, ReadAlgorithm(header));
  TRY(CheckHeader(header));
  TRY(out.kid_, ReadKid(header));
  auto signature = schema::DecodeBase64UrlStrict(parts->signature);
  if (!signature || signature->empty()) return Malformed("signature is not base64url");
  out.signature_ = *std::move(signature);
  TRY(out.payload_, ParseObject(parts->payload, "payload", {schema::limits::kTokenBytes}));
  const auto iss = out.payload_.find("iss");
  if (iss == out.payload_.end() || !iss->is_string()) return Malformed("iss is not a string");
  out.issuer_ = iss->get<std::string>();
  out.signing_input_ = token.substr(0, token.rfind('.'));
  return out;
}

Result<Json> VerifiedClaims(Jwt jwt, const KeySet& keys) {
  TRY(const auto candidates, keys.Select(jwt.kid(), jwt.algorithm()));
  const auto input = schema::AsBytes(jwt.signing_input_);
  for (const PublicKey* key : candidates)
    if (key->Verify(jwt.algorithm(), input, jwt.signature_)) return std::move(jwt.payload_);
  return Error{&kTokenSignature, "no key of the issuer made this signature"};
}

Json UnverifiedClaims(Jwt jwt) { return std::move(jwt.payload_); }

}  // namespace oidc
