#include "schema/vocabulary.h"

#include <algorithm>

namespace schema {
namespace {

using Names = std::span<const std::string_view>;

// buddy-pipeline: Buddy documents no list; sigstore/fulcio issue 2327 has a token, pull request
// 2371 the mapping, and says that a workspace's domain and a project's name can change hands and a
// pipeline's id never.
constexpr std::string_view kBuddyPipelineClaims[] = {"action_id",
                                                     "action_name",
                                                     "aud",
                                                     "execution_id",
                                                     "exp",
                                                     "iat",
                                                     "iss",
                                                     "jti",
                                                     "nbf",
                                                     "pipeline_id",
                                                     "pipeline_name",
                                                     "project_display_name",
                                                     "project_name",
                                                     "ref",
                                                     "revision",
                                                     "runner_environment",
                                                     "sub",
                                                     "triggered_on",
                                                     "workspace_display_name",
                                                     "workspace_domain"};
constexpr std::string_view kBuddyPipelineOwner[] = {"pipeline_id"};
constexpr std::string_view kBuddyPipelineNames[] = {
    "pipeline_name", "project_display_name",   "project_name",
    "sub",           "workspace_display_name", "workspace_domain"};
constexpr std::string_view kBuddyPipelineRun[] = {"execution_id"};

// buildkite-job: buildkite.com/docs/agent/cli/reference/oidc, "Claims" and "Optional claims".
constexpr std::string_view kBuildkiteJobClaims[] = {"agent_id",
                                                    "aud",
                                                    "build_branch",
                                                    "build_commit",
                                                    "build_id",
                                                    "build_number",
                                                    "build_source",
                                                    "build_tag",
                                                    "cluster_id",
                                                    "cluster_name",
                                                    "exp",
                                                    "https://aws.amazon.com/tags",
                                                    "iat",
                                                    "iss",
                                                    "job_id",
                                                    "jti",
                                                    "nbf",
                                                    "organization_id",
                                                    "organization_slug",
                                                    "pipeline_id",
                                                    "pipeline_slug",
                                                    "queue_id",
                                                    "queue_key",
                                                    "runner_environment",
                                                    "step_key",
                                                    "sub"};
constexpr std::string_view kBuildkiteJobFamilies[] = {"agent_tag:"};
constexpr std::string_view kBuildkiteJobOwner[] = {"organization_id", "pipeline_id"};
constexpr std::string_view kBuildkiteJobNames[] = {"organization_slug", "pipeline_slug", "sub"};
constexpr std::string_view kBuildkiteJobRun[] = {"job_id"};

// chainguard-identity
constexpr std::string_view kChainguardIdentityClaims[] = {
    "act", "aud", "email", "email_verified", "exp", "iat", "iss", "jti", "nbf", "sub"};
constexpr std::string_view kChainguardIdentityOwner[] = {"sub"};
constexpr std::string_view kChainguardIdentityNames[] = {"email"};

// circleci-job: circleci.com/docs/guides/permissions-authentication/openid-connect-tokens; org-id,
// pipeline-id and pipeline-definition-id are in its announcement discuss.circleci.com/t/54214,
// job-id and workflow-id in the tokens.
constexpr std::string_view kCircleciJobClaims[] = {"aud",
                                                   "exp",
                                                   "iat",
                                                   "iss",
                                                   "jti",
                                                   "nbf",
                                                   "oidc.circleci.com/context-ids",
                                                   "oidc.circleci.com/job-id",
                                                   "oidc.circleci.com/org-id",
                                                   "oidc.circleci.com/pipeline-definition-id",
                                                   "oidc.circleci.com/pipeline-id",
                                                   "oidc.circleci.com/project-id",
                                                   "oidc.circleci.com/ssh-rerun",
                                                   "oidc.circleci.com/vcs-origin",
                                                   "oidc.circleci.com/vcs-ref",
                                                   "oidc.circleci.com/workflow-id",
                                                   "sub"};
constexpr std::string_view kCircleciJobOwner[] = {"oidc.circleci.com/org-id",
                                                  "oidc.circleci.com/pipeline-definition-id",
                                                  "oidc.circleci.com/project-id"};
constexpr std::string_view kCircleciJobNames[] = {"oidc.circleci.com/vcs-origin"};
constexpr std::string_view kCircleciJobRun[] = {"oidc.circleci.com/job-id",
                                                "oidc.circleci.com/workflow-id"};

// codefresh-workflow: codefresh.io/docs/docs/integrations/oidc-pipelines, "Custom Codefresh
// claims"; platform_url and runner_environment are in sigstore/fulcio pull request 1593.
constexpr std::string_view kCodefreshWorkflowClaims[] = {"account_id",
                                                         "account_name",
                                                         "aud",
                                                         "auth_time",
                                                         "exp",
                                                         "iat",
                                                         "initiator",
                                                         "iss",
                                                         "jti",
                                                         "nbf",
                                                         "pipeline_id",
                                                         "pipeline_name",
                                                         "platform_url",
                                                         "runner_environment",
                                                         "scm_pull_request_target_branch",
                                                         "scm_ref",
                                                         "scm_repo_url",
                                                         "scm_user_name",
                                                         "sid",
                                                         "sub",
                                                         "workflow_id"};
constexpr std::string_view kCodefreshWorkflowOwner[] = {"account_id", "pipeline_id"};
constexpr std::string_view kCodefreshWorkflowNames[] = {"account_name", "pipeline_name",
                                                        "scm_repo_url", "sub"};
constexpr std::string_view kCodefreshWorkflowRun[] = {"workflow_id"};

// email
constexpr std::string_view kEmailClaims[] = {"at_hash",
                                             "aud",
                                             "auth_time",
                                             "azp",
                                             "email",
                                             "email_verified",
                                             "exp",
                                             "federated_claims",
                                             "groups",
                                             "hd",
                                             "iat",
                                             "iss",
                                             "jti",
                                             "locale",
                                             "name",
                                             "nbf",
                                             "nonce",
                                             "picture",
                                             "preferred_username",
                                             "sub"};
constexpr std::string_view kEmailOwner[] = {"sub"};

// github-workflow: docs.github.com/en/actions/reference/security/oidc, and `claims_supported` of
// the issuer's discovery document.
constexpr std::string_view kGithubWorkflowClaims[] = {"actor",
                                                      "actor_id",
                                                      "aud",
                                                      "base_ref",
                                                      "check_run_id",
                                                      "enterprise",
                                                      "enterprise_id",
                                                      "environment",
                                                      "environment_node_id",
                                                      "event_name",
                                                      "exp",
                                                      "head_ref",
                                                      "iat",
                                                      "iss",
                                                      "job_workflow_ref",
                                                      "job_workflow_sha",
                                                      "jti",
                                                      "nbf",
                                                      "ref",
                                                      "ref_protected",
                                                      "ref_type",
                                                      "repository",
                                                      "repository_id",
                                                      "repository_owner",
                                                      "repository_owner_id",
                                                      "repository_visibility",
                                                      "run_attempt",
                                                      "run_id",
                                                      "run_number",
                                                      "runner_environment",
                                                      "sha",
                                                      "sub",
                                                      "workflow",
                                                      "workflow_ref",
                                                      "workflow_sha"};
constexpr std::string_view kGithubWorkflowFamilies[] = {"repo_property_"};
constexpr std::string_view kGithubWorkflowOwner[] = {"enterprise_id", "repository_id",
                                                     "repository_owner_id"};
constexpr std::string_view kGithubWorkflowNames[] = {
    "enterprise", "job_workflow_ref", "repository", "repository_owner", "sub", "workflow_ref"};
constexpr std::string_view kGithubWorkflowRun[] = {"run_attempt", "run_id"};

// gitlab-pipeline: docs.gitlab.com/ci/secrets/id_token_authentication, "Token payload".
constexpr std::string_view kGitlabPipelineClaims[] = {"aud",
                                                      "ci_config_ref_uri",
                                                      "ci_config_sha",
                                                      "deployment_action",
                                                      "deployment_tier",
                                                      "environment",
                                                      "environment_action",
                                                      "environment_protected",
                                                      "exp",
                                                      "groups_direct",
                                                      "iat",
                                                      "iss",
                                                      "job_config",
                                                      "job_id",
                                                      "job_namespace_id",
                                                      "job_namespace_path",
                                                      "job_project_id",
                                                      "job_project_path",
                                                      "job_source",
                                                      "jti",
                                                      "namespace_id",
                                                      "namespace_path",
                                                      "nbf",
                                                      "pipeline_id",
                                                      "pipeline_source",
                                                      "project_id",
                                                      "project_path",
                                                      "project_visibility",
                                                      "ref",
                                                      "ref_path",
                                                      "ref_protected",
                                                      "ref_type",
                                                      "runner_environment",
                                                      "runner_id",
                                                      "sha",
                                                      "sub",
                                                      "user_access_level",
                                                      "user_email",
                                                      "user_id",
                                                      "user_identities",
                                                      "user_login"};
constexpr std::string_view kGitlabPipelineOwner[] = {"job_namespace_id", "job_project_id",
                                                     "namespace_id", "project_id"};
constexpr std::string_view kGitlabPipelineNames[] = {"ci_config_ref_uri",
                                                     "groups_direct",
                                                     "job_namespace_path",
                                                     "job_project_path",
                                                     "namespace_path",
                                                     "project_path",
                                                     "sub",
                                                     "user_login"};
constexpr std::string_view kGitlabPipelineRun[] = {"job_id", "pipeline_id"};

// kubernetes
constexpr std::string_view kKubernetesClaims[] = {"aud", "exp",           "iat", "iss",
                                                  "jti", "kubernetes.io", "nbf", "sub"};
constexpr std::string_view kKubernetesNames[] = {"sub"};

// spiffe
constexpr std::string_view kSpiffeClaims[] = {"aud", "exp", "iat", "iss", "jti", "nbf", "sub"};

// uri
constexpr std::string_view kUriClaims[] = {"aud", "exp", "iat", "iss", "jti", "nbf", "sub"};

// username
constexpr std::string_view kUsernameClaims[] = {"aud", "exp", "iat", "iss", "jti", "nbf", "sub"};

constexpr Vocabulary kTable[] = {
    {.kind = "buddy-pipeline",
     .shared = true,
     .claims = kBuddyPipelineClaims,
     .families = Names(),
     .open = true,
     .owner_ids = kBuddyPipelineOwner,
     .names = kBuddyPipelineNames,
     .run = kBuddyPipelineRun},
    {.kind = "buildkite-job",
     .shared = true,
     .claims = kBuildkiteJobClaims,
     .families = kBuildkiteJobFamilies,
     .open = false,
     .owner_ids = kBuildkiteJobOwner,
     .names = kBuildkiteJobNames,
     .run = kBuildkiteJobRun},
    {.kind = "chainguard-identity",
     .shared = true,
     .claims = kChainguardIdentityClaims,
     .families = Names(),
     .open = true,
     .owner_ids = kChainguardIdentityOwner,
     .names = kChainguardIdentityNames,
     .run = Names()},
    {.kind = "circleci-job",
     .shared = false,
     .claims = kCircleciJobClaims,
     .families = Names(),
     .open = false,
     .owner_ids = kCircleciJobOwner,
     .names = kCircleciJobNames,
     .run = kCircleciJobRun},
    {.kind = "codefresh-workflow",
     .shared = true,
     .claims = kCodefreshWorkflowClaims,
     .families = Names(),
     .open = false,
     .owner_ids = kCodefreshWorkflowOwner,
     .names = kCodefreshWorkflowNames,
     .run = kCodefreshWorkflowRun},
    {.kind = "email",
     .shared = true,
     .claims = kEmailClaims,
     .families = Names(),
     .open = true,
     .owner_ids = kEmailOwner,
     .names = Names(),
     .run = Names()},
    {.kind = "github-workflow",
     .shared = true,
     .claims = kGithubWorkflowClaims,
     .families = kGithubWorkflowFamilies,
     .open = false,
     .owner_ids = kGithubWorkflowOwner,
     .names = kGithubWorkflowNames,
     .run = kGithubWorkflowRun},
    {.kind = "gitlab-pipeline",
     .shared = true,
     .claims = kGitlabPipelineClaims,
     .families = Names(),
     .open = false,
     .owner_ids = kGitlabPipelineOwner,
     .names = kGitlabPipelineNames,
     .run = kGitlabPipelineRun},
    {.kind = "kubernetes",
     .shared = false,
     .claims = kKubernetesClaims,
     .families = Names(),
     .open = false,
     .owner_ids = Names(),
     .names = kKubernetesNames,
     .run = Names()},
    {.kind = "spiffe",
     .shared = false,
     .claims = kSpiffeClaims,
     .families = Names(),
     .open = true,
     .owner_ids = Names(),
     .names = Names(),
     .run = Names()},
    {.kind = "uri",
     .shared = false,
     .claims = kUriClaims,
     .families = Names(),
     .open = true,
     .owner_ids = Names(),
     .names = Names(),
     .run = Names()},
    {.kind = "username",
     .shared = false,
     .claims = kUsernameClaims,
     .families = Names(),
     .open = true,
     .owner_ids = Names(),
     .names = Names(),
     .run = Names()},
};

}  // namespace

bool Knows(const Vocabulary& vocabulary, std::string_view claim) {
  return std::ranges::binary_search(vocabulary.claims, claim) ||
         std::ranges::any_of(vocabulary.families, [&](std::string_view family) {
           return claim.size() > family.size() && claim.starts_with(family);
         });
}

const Vocabulary* FindVocabulary(std::string_view kind) {
  const auto* const found = std::ranges::find(kTable, kind, &Vocabulary::kind);
  return found == std::end(kTable) ? nullptr : found;
}

std::span<const Vocabulary> Vocabularies() { return kTable; }

std::string VocabularyKinds() {
  std::string out;
  for (const Vocabulary& row : kTable) {
    if (!out.empty()) out += ", ";
    out += row.kind;
  }
  return out;
}

}  // namespace schema
