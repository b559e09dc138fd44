// The issuer types Chancery knows: one row each.
#pragma once

#include <string>
#include <string_view>

#include "oidc/issuers.h"

namespace oidc {

struct IssuerTypeRow {
  std::string_view text;  // as in the file
  IssuerType type;
  std::string_view challenge_claim;  // the claim whose text the client signs
};

const IssuerTypeRow* FindIssuerType(std::string_view text);  // nullptr: not known
// "email, uri, …", for messages.
std::string IssuerTypeNames();

}  // namespace oidc
