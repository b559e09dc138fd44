// Whatever a token is made of, what Jwt::Parse accepts is what RFC 7515 5.2 says, and nothing
// verifies that the key did not sign.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "oidc/jwt.h"
#include "schema/base/base64.h"
#include "schema/base/limits.h"

namespace {

// RFC 8037 A.2, and the key of RFC 7515 A.3.
constexpr std::string_view kKeys = R"({"keys":[
{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
{"kty":"EC","crv":"P-256","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
 "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

const oidc::KeySet& Keys() {
  static const oidc::KeySet keys = [] {
    auto parsed = oidc::KeySet::Parse(kKeys);
    MUST(parsed.has_value() && parsed->size() == 2);
    return *std::move(parsed);
  }();
  return keys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view token(reinterpret_cast<const char*>(data), size);
  auto jwt = oidc::Jwt::Parse(token);
  if (!jwt) {
    MUST(jwt.error().kind->fault == schema::Fault::kToken);
    return 0;
  }
  MUST(size <= schema::limits::kTokenBytes);
  MUST(std::ranges::count(token, '.') == 2);
  // One text only for what it says: each part encodes back to itself.
  std::string_view rest = token;
  for (int i = 0; i < 3; ++i) {
    const std::string_view part = rest.substr(0, rest.find('.'));
    const auto octets = schema::DecodeBase64UrlStrict(part);
    MUST(octets.has_value() && schema::Base64Url(*octets) == part);
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  MUST(oidc::FindAlgorithm(jwt->algorithm().name) == &jwt->algorithm());
  const std::string issuer = jwt->unverified_issuer();
  const auto claims = oidc::VerifiedClaims(*std::move(jwt), Keys());
  // Only tokens made with a private key verify, and the public vectors say iss "joe".
  if (claims) MUST(issuer == "joe" && (*claims)["iss"] == "joe");
  return 0;
}
