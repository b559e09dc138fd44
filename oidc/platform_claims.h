// Claims of GitHub and GitLab that mean something only when read together.
#pragma once

#include <string_view>

#include "oidc/claim_reader.h"
#include "oidc/issuers.h"
#include "schema/base/result.h"

namespace oidc {

// GitHub's default `sub` begins with "repo:" and names the repository in one of three ways, for the
// repository acme/app with id 12345 of owner 678:
//
//   repo:acme/app:…            names; a deleted name can be taken by somebody else
//   repo:acme@678/app@12345:…  with ids, for repositories made or renamed since 2026-07-15
//   repo:acme-678/app-12345:…  with ids, as first shipped in 2026-04: it is also the first way of
//                              the repository acme-678/app-12345, so it is never taken apart
//
// All three are put together from the other claims and compared; `repository` must be
// `repository_owner`'s. Names in ASCII are compared without case, as GitHub does. A subject of the
// operator's own template, which begins otherwise, is left alone. kClaims when they contradict.
schema::Outcome CheckGithubSubject(std::string_view subject, const ClaimReader& claims);

// GitLab, since 18.2.2: in a merge request's pipeline project_* is the project the change comes
// from; job_project_* (18.4), where present, the one that runs the job. kClaims for what `allowed`
// does not take: a token of a merge request, or, whatever started it, one whose two projects
// differ.
schema::Outcome CheckGitlabProject(MergeRequestTokens allowed, const ClaimReader& claims);

}  // namespace oidc
