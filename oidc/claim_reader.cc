#include "oidc/claim_reader.h"

#include "oidc/template.h"
#include "oidc/verifier.h"

namespace oidc {

using schema::Error;
using schema::Json;
using schema::Result;

const Json* ClaimReader::Find(const std::string& name) const {
  const auto found = claims_.find(name);
  return found == claims_.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> ClaimReader::Need(const std::string& name) const {
  TRY(std::string text, Optional(name));
  if (text.empty()) return Error{&kClaims, "claim \"" + name + "\" is missing or empty"};
  return text;
}

Result<std::string> ClaimReader::Optional(const std::string& name) const {
  const Json* claim = Find(name);
  if (claim == nullptr) return std::string();
  if (!claim->is_string()) return Error{&kClaims, "claim \"" + name + "\" is not a text"};
  return ClaimText(name, *claim);
}

}  // namespace oidc
