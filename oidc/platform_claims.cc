#include "oidc/platform_claims.h"

#include <algorithm>
#include <string>

#include "oidc/claim_text.h"
#include "oidc/verifier.h"

namespace oidc {
namespace {

using schema::Error;
using schema::Outcome;
using schema::Result;

// "" when absent.
Result<std::string> Text(const ClaimReader& claims, const std::string& name) {
  const schema::Json* claim = claims.Find(name);
  return claim == nullptr ? Result<std::string>(std::string()) : ClaimText(name, *claim);
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Lower, Lower);
}

std::string Joined(std::string_view owner, std::string_view repository, char mark,
                   std::string_view owner_id, std::string_view repository_id) {
  std::string out(owner);
  out.append(1, mark).append(owner_id).append("/").append(repository);
  return out.append(1, mark).append(repository_id);
}

}  // namespace

Outcome CheckGithubSubject(std::string_view subject, const ClaimReader& claims) {
  TRY(const std::string full, Text(claims, "repository"));
  TRY(const std::string owner, Text(claims, "repository_owner"));
  const std::size_t slash = full.find('/');
  const std::string_view first = std::string_view(full).substr(0, slash);
  if (!full.empty() && !owner.empty() && (slash == std::string::npos || !SameName(first, owner))) {
    return Error{&kClaims, "claim \"repository\" is not one of repository_owner's"};
  }
  constexpr std::string_view kPrefix = "repo:";
  if (!subject.starts_with(kPrefix)) return schema::Ok();
  const std::string_view named =
      subject.substr(kPrefix.size(), subject.find(':', kPrefix.size()) - kPrefix.size());
  if (!full.empty() && SameName(named, full)) return schema::Ok();
  TRY(const std::string repository_id, Text(claims, "repository_id"));
  TRY(const std::string owner_id, Text(claims, "repository_owner_id"));
  if (slash != std::string::npos && !repository_id.empty() && !owner_id.empty()) {
    const std::string_view second = std::string_view(full).substr(slash + 1);
    for (const char mark : {'@', '-'}) {
      if (SameName(named, Joined(first, second, mark, owner_id, repository_id))) {
        return schema::Ok();
      }
    }
  }
  return Error{&kClaims,
               "sub names another repository than repository, repository_id, repository_owner and "
               "repository_owner_id do"};
}

Outcome CheckGitlabProject(MergeRequestTokens allowed, const ClaimReader& claims) {
  if (allowed == MergeRequestTokens::kAccept) return schema::Ok();
  TRY(const std::string project, Text(claims, "project_id"));
  TRY(const std::string running, Text(claims, "job_project_id"));
  if (!running.empty() && running != project) {
    return Error{&kClaims,
                 "claim \"job_project_id\" is not project_id: the job runs a change from another "
                 "project, a fork (merge-request-tokens: accept takes such tokens)"};
  }
  TRY(const std::string source, Text(claims, "pipeline_source"));
  if (source != "merge_request_event") return schema::Ok();
  if (allowed == MergeRequestTokens::kSameProject && !running.empty()) return schema::Ok();
  return Error{&kClaims,
               "claim \"pipeline_source\" is merge_request_event: project_* may name a fork that "
               "anybody made (merge-request-tokens: same-project takes those that do not)"};
}

}  // namespace oidc
