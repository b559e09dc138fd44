// Whatever the file says: each issuer that loads is complete, is found under its own name, and a
// pattern matches neither more slashes nor more dots than it has.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "oidc/issuers.h"
#include "schema/base/document.h"

namespace {

void CheckIssuer(const oidc::Issuer& issuer) {
  MUST(!issuer.url.empty() && !issuer.type_text.empty());
  MUST(!issuer.audiences.empty());
  MUST(std::ranges::none_of(issuer.audiences, &std::string::empty));
  MUST(issuer.challenge_claim == "sub" || issuer.challenge_claim == "email");
  MUST((issuer.type == oidc::IssuerType::kCiProvider) == (issuer.ci_provider != nullptr));
  MUST(issuer.max_token_age > std::chrono::seconds(0));
  MUST(issuer.url.starts_with("https://") || issuer.url.starts_with("http://"));
  if (issuer.ci_provider == nullptr) return;
  const auto& extensions = issuer.ci_provider->extensions;
  for (std::size_t i = 1; i < extensions.size(); ++i) {
    MUST(extensions[i - 1].arc < extensions[i].arc);
  }
}

void CheckPattern(const oidc::Issuer& issuer) {
  std::string one = issuer.url;
  std::ranges::replace(one, '*', 'a');
  MUST(issuer.Matches(one));
  MUST(!issuer.Matches(one + "/"));
  MUST(!issuer.Matches(one + "\n"));
  const std::size_t star = issuer.url.find('*');
  if (star == std::string::npos) return;
  for (const std::string_view forbidden : {"/", ".", "a/b", "a.b", "", "#", "?", "@", "%"}) {
    std::string other = one;
    other.replace(star, 1, forbidden);
    MUST(!issuer.Matches(other));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<schema::Error> problems;
  const auto got = oidc::LoadIssuers(text, "/", problems);
  for (const schema::Error& problem : problems) MUST(problem.Is(oidc::kBadIssuer));
  if (!got) {
    MUST(got.error().Is(oidc::kNoIssuers) || got.error().Is(schema::kBadDocument));
    return 0;
  }
  MUST(!got->exact.empty() || !got->patterns.empty());
  // What Chancery takes, it takes with --fulcio-compat as well.
  std::vector<schema::Error> fewer;
  const auto compat = oidc::LoadIssuers(text, "/", fewer, oidc::kFulcioRules);
  MUST(compat && fewer.size() <= problems.size());
  for (const auto& [url, issuer] : got->exact) MUST(compat->Find(url) != nullptr);
  for (const auto& [url, issuer] : got->exact) {
    MUST(issuer->url == url && !issuer->wildcard());
    MUST(got->Find(url) == issuer);
    CheckIssuer(*issuer);
  }
  for (const auto& issuer : got->patterns) {
    MUST(issuer->wildcard());
    CheckIssuer(*issuer);
    CheckPattern(*issuer);
  }
  return 0;
}
