// Whatever an issuer's host answers, its keys are fetched only where discovery.h says: for a
// pattern issuer at its own scheme, host and port; for an exact one there or at a public host name
// over https; never at an address of the inside.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "oidc/discovery.h"
#include "oidc/uri.h"

namespace {

constexpr std::string_view kUrl = "https://ci.example.com/org/acme";

oidc::IssuerSet Load(const char* text) {
  std::vector<schema::Error> problems;
  auto set = oidc::LoadIssuers(text, "/", problems);
  MUST(set && problems.empty());
  return *std::move(set);
}

void CheckPlace(const oidc::Discovery& found, bool wildcard) {
  const auto uri = oidc::ParseUri(found.jwks_uri);
  MUST(uri && uri->scheme == "https" && !uri->user_info);
  if (uri->host == "ci.example.com") return;
  MUST(!wildcard);
  MUST(uri->host.find('.') != std::string::npos && uri->host.find(':') == std::string::npos);
  MUST(!std::ranges::all_of(uri->host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const oidc::IssuerSet kExact =
      Load("oidc-issuers: {https://ci.example.com/org/acme: {client-id: a, type: email}}");
  static const oidc::IssuerSet kPattern =
      Load("meta-issuers: {'https://ci.example.com/org/*': {client-id: a, type: email}}");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const oidc::IssuerSet* set : {&kExact, &kPattern}) {
    const auto issuer = set->Find(std::string(kUrl));
    MUST(issuer != nullptr);
    const auto found = oidc::ParseDiscovery(text, *issuer, kUrl);
    if (!found) {
      MUST(found.error().Is(oidc::kBadDiscovery));
      continue;
    }
    CheckPlace(*found, issuer->wildcard());
    MUST(text.find("jwks_uri") != std::string_view::npos ||
         text.find('\\') != std::string_view::npos);
    for (const oidc::Algorithm* algorithm : found->algorithms) MUST(algorithm != nullptr);
    MUST(found->algorithms.size() <= oidc::kAlgorithms.size());
  }
  return 0;
}
