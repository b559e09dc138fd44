// The issuer types Chancery knows: one row each.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "oidc/issuers.h"

namespace oidc {

struct IssuerTypeRow {
  std::string_view text;  // as in the file
  IssuerType type;
  std::string_view challenge_claim;  // the claim whose text the client signs
  // How old a token may be when the issuer sets no max-token-age: tokens fetched on demand are
  // fresh, tokens handed over at the start of a job live as long as the job.
  std::chrono::seconds max_token_age;
};

std::span<const IssuerTypeRow> IssuerTypes();
const IssuerTypeRow* FindIssuerType(std::string_view text);  // nullptr: not known
// "email, uri, …", for messages.
std::string IssuerTypeNames();
// The same default for a ci-provider, by the name of its metadata.
std::chrono::seconds CiProviderTokenAge(std::string_view provider);

}  // namespace oidc
