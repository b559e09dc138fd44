#include "ca/asked.h"

#include <algorithm>
#include <vector>

#include "ca/issuer_kind.h"
#include "ca/key_strength.h"
#include "schema/base/base64.h"
#include "schema/base/limits.h"
#include "schema/base/nearest.h"

namespace ca {

using schema::Error;
using schema::Json;
using schema::Result;

const schema::ErrorKind kBadInput{"bad-input", schema::Fault::kCaller,
                                  "an input of this command cannot be used"};

namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string NoIssuer(const Policy& policy, const std::string& name) {
  std::vector<std::string_view> names;
  for (const PolicyIssuer& issuer : policy.issuers()) names.push_back(issuer.name);
  const std::string_view near = schema::Nearest(name, names);
  std::string why = "the policy has no issuer '" + name + "'";
  if (near.empty()) return why + "; give its name or its URL";
  return why.append("; did you mean '").append(near).append("'?");
}

}  // namespace

Result<Json> ReadClaims(std::string_view text) {
  auto claims = schema::ParseJson(text, {.bytes = schema::limits::kTokenBytes});
  if (!claims) return Error{&kBadInput, "claims: " + claims.error().detail};
  if (!claims->is_object()) return Error{&kBadInput, "claims: wanted a JSON object"};
  return *std::move(claims);
}

Result<Json> ReadUnverifiedPayload(std::string_view token) {
  token = Trimmed(token);
  if (token.size() > schema::limits::kTokenBytes) {
    return Error{&kBadInput,
                 "token: larger than " + std::to_string(schema::limits::kTokenBytes) + " bytes"};
  }
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) {
    return Error{&kBadInput, "token: wanted three parts with dots between, a compact JWS"};
  }
  auto payload = schema::DecodeBase64UrlStrict(token.substr(first + 1, second - first - 1));
  if (!payload) return Error{&kBadInput, "token: the payload is not base64url"};
  return ReadClaims(schema::AsText(*payload));
}

Result<schema::Identity> IdentityOf(const Policy& policy, Json claims, const std::string& issuer) {
  schema::Identity out{};
  const auto text = [&](const char* claim) {
    const auto found = claims.find(claim);
    return found != claims.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  out.issuer = text("iss");
  if (!issuer.empty()) {
    const PolicyIssuer* named = FindIssuerNamed(policy.issuers(), issuer);
    if (named == nullptr && issuer.find("://") == std::string::npos) {
      return Error{&kBadInput, NoIssuer(policy, issuer)};
    }
    const std::string& url = named != nullptr ? named->url : issuer;
    if (!out.issuer.empty() && out.issuer != url) {
      return Error{&kBadInput,
                   "the issuer is said to be " + url + ", but \"iss\" is " + out.issuer};
    }
    out.issuer = url;
  }
  if (out.issuer.empty()) return Error{&kBadInput, "no \"iss\" in the claims, and no issuer given"};
  out.subject = text("sub");
  const PolicyIssuer* known = FindIssuer(policy.issuers(), out.issuer);
  if (const auto* vocabulary = known != nullptr ? VocabularyOf(*known) : nullptr) {
    out.kind = vocabulary->kind;
  }
  out.claims = std::move(claims);
  return out;
}

schema::Outcome CheckKeyName(std::string_view key) {
  const auto names = AlgorithmNames();
  if (std::ranges::find(names, key) != names.end()) return schema::Ok();
  std::string detail = "no key type '" + std::string(key) + "'; there are";
  for (const std::string_view name : names) detail.append(" ").append(name);
  return Error{&kBadInput, std::move(detail)};
}

}  // namespace ca
