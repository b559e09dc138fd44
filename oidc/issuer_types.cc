#include "oidc/issuer_types.h"

#include <algorithm>

namespace oidc {
namespace {

constexpr IssuerTypeRow kTypes[] = {
    {"email", IssuerType::kEmail, "email"},
    {"ci-provider", IssuerType::kCiProvider, "sub"},
    {"github-workflow", IssuerType::kGithubWorkflow, "sub"},
    {"gitlab-pipeline", IssuerType::kGitlabPipeline, "sub"},
    {"buildkite-job", IssuerType::kBuildkiteJob, "sub"},
    {"codefresh-workflow", IssuerType::kCodefreshWorkflow, "sub"},
    {"uri", IssuerType::kUri, "sub"},
    {"username", IssuerType::kUsername, "sub"},
    {"spiffe", IssuerType::kSpiffe, "sub"},
    {"kubernetes", IssuerType::kKubernetes, "sub"},
    {"chainguard-identity", IssuerType::kChainguardIdentity, "sub"},
};

}  // namespace

const IssuerTypeRow* FindIssuerType(std::string_view text) {
  const auto found = std::ranges::find(kTypes, text, &IssuerTypeRow::text);
  return found == std::end(kTypes) ? nullptr : &*found;
}

std::string IssuerTypeNames() {
  std::string out;
  for (const IssuerTypeRow& row : kTypes) out.append(out.empty() ? "" : ", ").append(row.text);
  return out;
}

}  // namespace oidc
