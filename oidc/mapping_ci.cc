// The CI types that came before ci-provider: their claims and URLs are fixed, and paths are joined
// by JoinUri where ci-provider puts texts together.
#include <string>

#include "oidc/mapping_rules.h"
#include "oidc/uri.h"
#include "oidc/verifier.h"

namespace oidc {
namespace {

using schema::Error;
using schema::Ok;
using schema::Outcome;
using schema::Result;
using schema::San;

constexpr std::string_view kGithub = "https://github.com";
constexpr std::string_view kGitlab = "https://gitlab.com";
constexpr std::string_view kBuildkite = "https://buildkite.com";
constexpr std::string_view kCodefresh = "https://g.codefresh.io";

// refs/heads/… or refs/tags/…
Result<std::string> GitlabRef(const ClaimReader& claims) {
  TRY(const std::string ref, claims.Need("ref"));
  TRY(const std::string type, claims.Need("ref_type"));
  if (type == "branch") return "refs/heads/" + ref;
  if (type == "tag") return "refs/tags/" + ref;
  return Error{&kClaims, "claim \"ref_type\" is neither branch nor tag"};
}

// Where the platform runs: the token may say so, since Codefresh is also installed on premises.
Result<std::string> CodefreshPlatform(const ClaimReader& claims) {
  TRY(const std::string text, claims.Optional("platform_url"));
  if (text.empty()) return std::string(kCodefresh);
  TRY(const San platform, UriSan(text));
  if (platform.value.find_first_of("?#") != std::string::npos) {
    return Error{&kClaims, "claim \"platform_url\" has a query or fragment"};
  }
  return platform.value.substr(0, platform.value.find_last_not_of('/') + 1);
}

}  // namespace

Outcome MapGithub(const ClaimReader& claims, Mapped& out) {
  TRY(const std::string job_workflow_ref, claims.Need("job_workflow_ref"));
  TRY(const std::string sha, claims.Need("sha"));
  TRY(const std::string event_name, claims.Need("event_name"));
  TRY(const std::string repository, claims.Need("repository"));
  TRY(const std::string workflow, claims.Need("workflow"));
  TRY(const std::string ref, claims.Need("ref"));
  TRY(const std::string job_workflow_sha, claims.Need("job_workflow_sha"));
  TRY(const std::string runner, claims.Need("runner_environment"));
  TRY(const std::string repository_id, claims.Need("repository_id"));
  TRY(const std::string owner, claims.Need("repository_owner"));
  TRY(const std::string owner_id, claims.Need("repository_owner_id"));
  TRY(const std::string visibility, claims.Need("repository_visibility"));
  TRY(const std::string workflow_ref, claims.Need("workflow_ref"));
  TRY(const std::string workflow_sha, claims.Need("workflow_sha"));
  TRY(const std::string run_id, claims.Need("run_id"));
  TRY(const std::string run_attempt, claims.Need("run_attempt"));
  TRY(const std::string signer, JoinClaims(kGithub, {job_workflow_ref}));
  TRY(const std::string repository_uri, JoinClaims(kGithub, {repository}));
  TRY(const std::string owner_uri, JoinClaims(kGithub, {owner}));
  TRY(const std::string config, JoinClaims(kGithub, {workflow_ref}));
  TRY(const std::string run,
      JoinClaims(kGithub, {repository, "actions/runs", run_id, "attempts", run_attempt}));
  out.san = San{San::Kind::kUri, signer};
  out.extensions = {{2, event_name},
                    {3, sha},
                    {4, workflow},
                    {5, repository},
                    {6, ref},
                    {9, signer},
                    {10, job_workflow_sha},
                    {11, runner},
                    {12, repository_uri},
                    {13, sha},
                    {14, ref},
                    {15, repository_id},
                    {16, owner_uri},
                    {17, owner_id},
                    {18, config},
                    {19, workflow_sha},
                    {20, event_name},
                    {21, run},
                    {22, visibility}};
  return Ok();
}

Outcome MapGitlab(const ClaimReader& claims, Mapped& out) {
  TRY(const std::string project, claims.Need("project_path"));
  TRY(const std::string source, claims.Need("pipeline_source"));
  TRY(claims.Need("pipeline_id"));
  TRY(const std::string config_ref, claims.Need("ci_config_ref_uri"));
  TRY(const std::string config_sha, claims.Optional("ci_config_sha"));
  TRY(const std::string job, claims.Need("job_id"));
  TRY(const std::string ref, GitlabRef(claims));
  TRY(const std::string space, claims.Need("namespace_path"));
  TRY(const std::string space_id, claims.Need("namespace_id"));
  TRY(const std::string project_id, claims.Need("project_id"));
  TRY(const std::string sha, claims.Need("sha"));
  TRY(const std::string runner, claims.Need("runner_environment"));
  TRY(const std::string visibility, claims.Optional("project_visibility"));
  const schema::Json* runner_id = claims.Find("runner_id");
  if (runner_id == nullptr || !runner_id->is_number_integer() || *runner_id == 0) {
    return Error{&kClaims, "claim \"runner_id\" is not an integer other than zero"};
  }
  TRY(out.san, UriSan("https://" + config_ref));
  TRY(const std::string project_uri, JoinClaims(kGitlab, {project}));
  TRY(const std::string space_uri, JoinClaims(kGitlab, {space}));
  TRY(const std::string run, JoinClaims(kGitlab, {project, "/-/jobs/", job}));
  const std::string& config = out.san.value;
  out.extensions = {{9, config},    {10, config_sha}, {11, runner},     {12, project_uri},
                    {13, sha},      {14, ref},        {15, project_id}, {16, space_uri},
                    {17, space_id}, {18, config},     {19, config_sha}, {20, source},
                    {21, run},      {22, visibility}};
  return Ok();
}

Outcome MapBuildkite(const ClaimReader& claims, Mapped& out) {
  TRY(const std::string organization, claims.Need("organization_slug"));
  TRY(const std::string pipeline, claims.Need("pipeline_slug"));
  TRY(std::string uri, JoinClaims(kBuildkite, {organization, pipeline}));
  out.san = San{San::Kind::kUri, std::move(uri)};
  return Ok();
}

Outcome MapCodefresh(const ClaimReader& claims, Mapped& out) {
  TRY(const std::string account_id, claims.Need("account_id"));
  TRY(const std::string account, claims.Need("account_name"));
  TRY(const std::string pipeline_id, claims.Need("pipeline_id"));
  TRY(const std::string pipeline, claims.Need("pipeline_name"));
  TRY(const std::string workflow, claims.Need("workflow_id"));
  TRY(const std::string runner, claims.Optional("runner_environment"));
  TRY(const std::string repository, claims.Optional("scm_repo_url"));
  TRY(const std::string ref, claims.Optional("scm_ref"));
  TRY(const std::string platform, CodefreshPlatform(claims));
  TRY(std::string uri,
      JoinClaims(platform, {account, pipeline + ":" + account_id + "/" + pipeline_id}));
  TRY(const std::string build, JoinClaims(platform, {"build", workflow}));
  TRY(const std::string config, JoinClaims(platform, {"api/pipelines", pipeline_id}));
  out.san = San{San::Kind::kUri, std::move(uri)};
  out.extensions = {{9, build}, {11, runner}, {12, repository},
                    {14, ref},  {18, config}, {21, build}};
  return Ok();
}

}  // namespace oidc
