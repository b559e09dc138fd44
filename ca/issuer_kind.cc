#include "ca/issuer_kind.h"

#include <algorithm>
#include <vector>

#include "schema/base/nearest.h"

namespace ca {
namespace {

struct PublicIssuer {
  std::string_view url, kind;
};
// A customer's own issuer below one of these (an organisation's GitHub path, for one) is not
// public.
constexpr PublicIssuer kPublic[] = {
    {"https://token.actions.githubusercontent.com", "github-workflow"},
    {"https://gitlab.com", "gitlab-pipeline"},
    {"https://agent.buildkite.com", "buildkite-job"},
    {"https://oidc.codefresh.io", "codefresh-workflow"},
    {"https://oidc.buddyusercontent.com", "buddy-pipeline"},
    {"https://eu-oidc.buddyusercontent.com", "buddy-pipeline"},
    {"https://asia-oidc.buddyusercontent.com", "buddy-pipeline"},
    {"https://issuer.enforce.dev", "chainguard-identity"},
    {"https://accounts.google.com", "email"},
    {"https://oauth2.sigstore.dev/auth", "email"},
};
constexpr std::string_view kCircleCi = "https://oidc.circleci.com/org/";

const PublicIssuer* FindPublic(std::string_view url) {
  const auto* const found = std::ranges::find(kPublic, url, &PublicIssuer::url);
  return found == std::end(kPublic) ? nullptr : found;
}

}  // namespace

const schema::Vocabulary* VocabularyOf(const PolicyIssuer& issuer) {
  if (!issuer.kind.empty()) return schema::FindVocabulary(issuer.kind);
  if (const PublicIssuer* known = FindPublic(issuer.url)) {
    return schema::FindVocabulary(known->kind);
  }
  if (issuer.url.starts_with(kCircleCi)) return schema::FindVocabulary("circleci-job");
  return nullptr;
}

bool IsPublic(std::string_view url) { return FindPublic(url) != nullptr; }

std::string_view NearestPublic(std::string_view url) {
  std::vector<std::string_view> urls;
  for (const PublicIssuer& issuer : kPublic) urls.push_back(issuer.url);
  return schema::Nearest(url, urls);
}

const PolicyIssuer* FindIssuer(const std::vector<PolicyIssuer>& issuers, std::string_view url) {
  const auto found = std::ranges::find(issuers, url, &PolicyIssuer::url);
  return found == issuers.end() ? nullptr : &*found;
}

const PolicyIssuer* FindIssuerNamed(const std::vector<PolicyIssuer>& issuers,
                                    std::string_view key) {
  const auto found = std::ranges::find(issuers, key, &PolicyIssuer::name);
  return found != issuers.end() ? &*found : FindIssuer(issuers, key);
}

}  // namespace ca
