// The rules behind Map, one for each issuer type. Each assumes `iss` and `sub` were read.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "oidc/claim_reader.h"
#include "oidc/issuers.h"
#include "schema/identity.h"

namespace oidc {

// What a rule finds out. `issuer` and `proof_message` come in as iss and sub and may be replaced.
struct Mapped {
  std::string issuer;   // text of extensions 1 and 8
  std::string subject;  // sub
  std::string proof_message;
  schema::San san;
  std::vector<schema::FulcioExtension>
      extensions;  // without 1, 8 and 24; ascending; empty texts allowed
};

schema::Outcome MapEmail(const Issuer& issuer, const ClaimReader& claims, Mapped& out);
schema::Outcome MapUri(const Issuer& issuer, Mapped& out);
schema::Outcome MapUsername(const Issuer& issuer, Mapped& out);
schema::Outcome MapSpiffe(const Issuer& issuer, Mapped& out);
schema::Outcome MapKubernetes(const Issuer& issuer, const ClaimReader& claims, Mapped& out);
schema::Outcome MapChainguard(const Issuer& issuer, const ClaimReader& claims, Mapped& out);
schema::Outcome MapCiProvider(const Issuer& issuer, const ClaimReader& claims, Mapped& out);
schema::Outcome MapGithub(const ClaimReader& claims, Mapped& out);
schema::Outcome MapGitlab(const ClaimReader& claims, Mapped& out);
schema::Outcome MapBuildkite(const ClaimReader& claims, Mapped& out);
schema::Outcome MapCodefresh(const ClaimReader& claims, Mapped& out);

// A subjectAltName URI: normalised, with scheme and host, without "user@".
schema::Result<schema::San> UriSan(std::string_view text);

// JoinUri, with its refusal told as one of the claims.
schema::Result<std::string> JoinClaims(std::string_view base,
                                       std::initializer_list<std::string_view> elements);

}  // namespace oidc
