#include "oidc/issuer_types.h"

#include <algorithm>
#include <string>

namespace oidc {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr IssuerTypeRow kTypes[] = {
    {"email", IssuerType::kEmail, "email", minutes(10)},
    {"ci-provider", IssuerType::kCiProvider, "sub", hours(1)},
    {"github-workflow", IssuerType::kGithubWorkflow, "sub", minutes(10)},
    {"gitlab-pipeline", IssuerType::kGitlabPipeline, "sub", hours(1)},
    {"buildkite-job", IssuerType::kBuildkiteJob, "sub", minutes(10)},
    {"codefresh-workflow", IssuerType::kCodefreshWorkflow, "sub", hours(1)},
    {"uri", IssuerType::kUri, "sub", hours(1)},
    {"username", IssuerType::kUsername, "sub", hours(1)},
    {"spiffe", IssuerType::kSpiffe, "sub", hours(1)},
    {"kubernetes", IssuerType::kKubernetes, "sub", hours(1)},
    {"chainguard-identity", IssuerType::kChainguardIdentity, "sub", hours(1)},
};

}  // namespace

std::span<const IssuerTypeRow> IssuerTypes() { return kTypes; }

const IssuerTypeRow* FindIssuerType(std::string_view text) {
  const auto found = std::ranges::find(kTypes, text, &IssuerTypeRow::text);
  return found == std::end(kTypes) ? nullptr : &*found;
}

std::string IssuerTypeNames() {
  std::string out;
  for (const IssuerTypeRow& row : kTypes) out.append(out.empty() ? "" : ", ").append(row.text);
  return out;
}

std::chrono::seconds CiProviderTokenAge(std::string_view provider) {
  const bool fetched_on_demand = provider == "github-workflow" || provider == "buildkite-job";
  return fetched_on_demand ? std::chrono::seconds(minutes(10)) : std::chrono::seconds(hours(1));
}

}  // namespace oidc
