#include "oidc/platform.h"

#include <algorithm>

namespace oidc {
namespace {

struct Site {
  Platform platform;
  std::string_view url;          // what stock metadata and the older types write
  std::string_view issuer_host;  // who may have it written
};
constexpr Site kSites[] = {
    {Platform::kGithub, "https://github.com", "token.actions.githubusercontent.com"},
    {Platform::kGitlab, "https://gitlab.com", "gitlab.com"},
};

bool Reads(const CiProvider& provider, std::string_view claim) {
  const auto reads = [claim](const Template& text) {
    const std::vector<std::string> keys = text.Keys();
    return std::ranges::find(keys, claim) != keys.end();
  };
  return reads(provider.subject) ||
         std::ranges::any_of(provider.extensions, reads, &CiProvider::Extension::value);
}

bool IsAt(std::string_view text, std::string_view site) {
  return text.starts_with(site) && (text.size() == site.size() || text[site.size()] == '/');
}

}  // namespace

Platform PlatformOf(IssuerType type, const CiProvider* provider) {
  if (type == IssuerType::kGithubWorkflow) return Platform::kGithub;
  if (type == IssuerType::kGitlabPipeline) return Platform::kGitlab;
  if (provider == nullptr) return Platform::kOther;
  if (provider->name == "github-workflow" || Reads(*provider, "job_workflow_ref")) {
    return Platform::kGithub;
  }
  if (provider->name == "gitlab-pipeline" || Reads(*provider, "ci_config_ref_uri")) {
    return Platform::kGitlab;
  }
  return Platform::kOther;
}

std::optional<std::string_view> ForeignSite(Platform platform, IssuerType type,
                                            const CiProvider* provider,
                                            std::string_view issuer_host) {
  const auto site = std::ranges::find(kSites, platform, &Site::platform);
  if (site == std::end(kSites) || issuer_host == site->issuer_host) return std::nullopt;
  if (type != IssuerType::kCiProvider) return site->url;
  const auto names_it = [site](const Template& text) { return IsAt(text.Beginning(), site->url); };
  const bool named =
      names_it(provider->subject) ||
      std::ranges::any_of(provider->extensions, names_it, &CiProvider::Extension::value);
  return named ? std::optional(site->url) : std::nullopt;
}

std::chrono::seconds DefaultTokenAge(IssuerType type, Platform platform,
                                     const CiProvider* provider) {
  const bool buildkite = type == IssuerType::kBuildkiteJob ||
                         (provider != nullptr && (provider->name == "buildkite-job" ||
                                                  Reads(*provider, "organization_slug")));
  const bool on_demand = buildkite || platform == Platform::kGithub || type == IssuerType::kEmail;
  return on_demand ? std::chrono::seconds(std::chrono::minutes(10))
                   : std::chrono::seconds(std::chrono::hours(1));
}

}  // namespace oidc
