#include "oidc/mapping.h"

#include <algorithm>

#include "oidc/mapping_rules.h"
#include "oidc/platform_claims.h"
#include "oidc/uri.h"
#include "oidc/verifier.h"

namespace oidc {

constinit const schema::ErrorKind kClaims{"claims", schema::Fault::kToken,
                                          "The identity token lacks a claim that its issuer's type "
                                          "needs, or has one that cannot be used"};

namespace {

using schema::Error;
using schema::FulcioExtension;
using schema::Outcome;
using schema::Result;

Outcome Apply(const Issuer& issuer, const ClaimReader& claims, Mapped& out) {
  switch (issuer.type) {
    case IssuerType::kEmail:
      return MapEmail(issuer, claims, out);
    case IssuerType::kGithubWorkflow:
      return MapGithub(claims, out);
    case IssuerType::kGitlabPipeline:
      return MapGitlab(claims, out);
    case IssuerType::kBuildkiteJob:
      return MapBuildkite(claims, out);
    case IssuerType::kCodefreshWorkflow:
      return MapCodefresh(claims, out);
    case IssuerType::kCiProvider:
      return MapCiProvider(issuer, claims, out);
    case IssuerType::kUri:
      return MapUri(issuer, out);
    case IssuerType::kUsername:
      return MapUsername(issuer, out);
    case IssuerType::kSpiffe:
      return MapSpiffe(issuer, out);
    case IssuerType::kKubernetes:
      return MapKubernetes(issuer, claims, out);
    case IssuerType::kChainguardIdentity:
      return MapChainguard(issuer, claims, out);
  }
  MUST(false);
}

Outcome CheckPlatform(const Issuer& issuer, const ClaimReader& claims, const Mapped& mapped) {
  if (issuer.platform == Platform::kGithub && !issuer.rules.unchecked_subjects) {
    return CheckGithubSubject(mapped.subject, claims);
  }
  if (issuer.platform == Platform::kGitlab) {
    return CheckGitlabProject(issuer.merge_request_tokens, claims);
  }
  return schema::Ok();
}

// 1, 8 and 24 are of every certificate; empty texts have no extension.
std::vector<FulcioExtension> Complete(Mapped&& mapped) {
  std::vector<FulcioExtension> out;
  out.reserve(mapped.extensions.size() + 3);
  out.push_back({1, mapped.issuer});
  bool issuer_v2 = false;
  for (FulcioExtension& extension : mapped.extensions) {
    if (!issuer_v2 && extension.arc > 8) {
      out.push_back({8, mapped.issuer});
      issuer_v2 = true;
    }
    if (!extension.text.empty()) out.push_back(std::move(extension));
  }
  if (!issuer_v2) out.push_back({8, mapped.issuer});
  out.push_back({24, mapped.subject});
  MUST(std::ranges::adjacent_find(out, std::ranges::greater_equal(), &FulcioExtension::arc) ==
       out.end());
  return out;
}

}  // namespace

Result<schema::San> UriSan(std::string_view text) {
  auto uri = ParseUri(text);
  if (!uri) return Error{&kClaims, "the subjectAltName is not a URI: " + uri.error().detail};
  if (uri->scheme.empty() || uri->host.empty()) {
    return Error{&kClaims, "the subjectAltName has no scheme or host"};
  }
  if (uri->user_info) return Error{&kClaims, "the subjectAltName has a user name"};
  return schema::San{schema::San::Kind::kUri, std::move(uri->text)};
}

Result<std::string> JoinClaims(std::string_view base,
                               std::initializer_list<std::string_view> elements) {
  auto joined = JoinUri(base, elements);
  if (!joined) return Error{&kClaims, "a claim does not make a path: " + joined.error().detail};
  return joined;
}

Outcome MapCiProvider(const Issuer& issuer, const ClaimReader& claims, Mapped& out) {
  MUST(issuer.ci_provider != nullptr);
  const CiProvider& provider = *issuer.ci_provider;
  TRY(const std::string subject, provider.subject.Render(claims.json()));
  TRY(out.san, UriSan(subject));
  out.extensions.reserve(provider.extensions.size());
  for (const CiProvider::Extension& extension : provider.extensions) {
    TRY(std::string text, extension.value.Render(claims.json()));
    out.extensions.push_back({extension.arc, std::move(text)});
  }
  return schema::Ok();
}

Result<schema::Identity> Map(const Issuer& issuer, const schema::Json& claims) {
  if (!claims.is_object()) return Error{&kClaims, "the claims are not an object"};
  const ClaimReader reader(claims);
  Mapped mapped;
  TRY(mapped.issuer, reader.Need("iss"));
  TRY(mapped.subject, reader.Need("sub"));
  mapped.proof_message = mapped.subject;
  schema::Identity out{};
  out.issuer = mapped.issuer;
  out.issuer_type = issuer.type_text;
  out.kind = issuer.ci_provider != nullptr ? issuer.ci_provider->name : issuer.type_text;
  out.subject = mapped.subject;
  TRY(CheckPlatform(issuer, reader, mapped));
  TRY(Apply(issuer, reader, mapped));
  out.san = std::move(mapped.san);
  out.proof_message = std::move(mapped.proof_message);
  out.extensions = Complete(std::move(mapped));
  return out;
}

}  // namespace oidc
