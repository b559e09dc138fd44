#include "oidc/discovery.h"

#include <algorithm>

#include "oidc/uri.h"
#include "schema/base/json.h"
#include "schema/base/limits.h"

namespace oidc {

using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadDiscovery{"bad-discovery", schema::Fault::kBusy,
                                      "The issuer's OpenID configuration cannot be used."};

namespace {

constexpr std::size_t kDiscoveryDepth = 16;
constexpr std::size_t kUriBytesMax = 2048;

Error Bad(std::string why) { return {&kBadDiscovery, std::move(why)}; }

// Scheme, host and port of a normalised URI: all before the path.
std::string_view Origin(std::string_view text) {
  const std::size_t start = text.find("://");
  if (start == std::string_view::npos) return {};
  return text.substr(0, text.find_first_of("/?#", start + 3));
}

// A last label of digits is an IPv4 address in one of its spellings (WHATWG URL 3.5), a colon IPv6.
bool IsPublicName(std::string host) {
  for (char& c : host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 'a' - 'A');
  if (host.ends_with('.')) host.pop_back();
  const std::size_t dot = host.rfind('.');
  if (dot == std::string::npos || host.find(':') != std::string::npos) return false;
  const std::string last = host.substr(dot + 1);
  const bool number = !last.empty() && last.front() >= '0' && last.front() <= '9';
  return !last.empty() && !number && last != "localhost" && last != "local" && last != "internal";
}

Outcome CheckJwksUri(std::string_view text, const Issuer& issuer, std::string_view issuer_url) {
  if (text.size() > kUriBytesMax) return Bad("jwks_uri is too long");
  const auto uri = ParseUri(text);
  const auto home = ParseUri(issuer_url);
  if (!uri) return Bad("jwks_uri: " + uri.error().detail);
  if (!home) return Bad("issuer: " + home.error().detail);
  if (uri->user_info) return Bad("jwks_uri has user information");
  if (uri->scheme != "https" && !(uri->scheme == "http" && home->scheme == "http"))
    return Bad("jwks_uri is not https");
  if (Origin(uri->text) == Origin(home->text)) return schema::Ok();
  if (issuer.wildcard()) return Bad("jwks_uri is not at the issuer's own host");
  if (uri->host != home->host && !IsPublicName(uri->host))
    return Bad("jwks_uri is at an address, not at a host name");
  return schema::Ok();
}

Result<std::vector<const Algorithm*>> ReadAlgorithms(const Json& document) {
  std::vector<const Algorithm*> out;
  const auto listed = document.find("id_token_signing_alg_values_supported");
  if (listed == document.end()) return out;
  if (!listed->is_array()) return Bad("id_token_signing_alg_values_supported is not a list");
  for (const Json& name : *listed) {
    if (!name.is_string()) continue;
    const Algorithm* found = FindAlgorithm(name.get_ref<const std::string&>());
    if (found != nullptr && std::ranges::find(out, found) == out.end()) out.push_back(found);
  }
  if (out.empty() && !listed->empty()) return Bad("the issuer signs with no algorithm we take");
  return out;
}

}  // namespace

std::string DiscoveryUrl(std::string_view issuer_url) {
  if (issuer_url.ends_with('/')) issuer_url.remove_suffix(1);
  return std::string(issuer_url) + "/.well-known/openid-configuration";
}

Result<Discovery> ParseDiscovery(std::string_view text, const Issuer& issuer,
                                 std::string_view issuer_url) {
  const auto document = schema::ParseJson(text, {schema::limits::kJwksBytes, kDiscoveryDepth});
  if (!document) return Bad(document.error().detail);
  if (!document->is_object()) return Bad("not an object");
  const auto named = document->find("issuer");
  if (named == document->end() || !named->is_string() ||
      named->get_ref<const std::string&>() != issuer_url)
    return Bad("the document is another issuer's");
  const auto jwks_uri = document->find("jwks_uri");
  if (jwks_uri == document->end() || !jwks_uri->is_string()) return Bad("no jwks_uri");
  Discovery out;
  out.jwks_uri = jwks_uri->get<std::string>();
  TRY(CheckJwksUri(out.jwks_uri, issuer, issuer_url));
  TRY(out.algorithms, ReadAlgorithms(*document));
  return out;
}

}  // namespace oidc
