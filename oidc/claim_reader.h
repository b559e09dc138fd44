// Typed reading of verified claims for the issuer types that know their claims by name.
#pragma once

#include <string>
#include <string_view>

#include "schema/base/json.h"
#include "schema/base/result.h"

namespace oidc {

class ClaimReader {
 public:
  explicit ClaimReader(const schema::Json& claims) : claims_(claims) {}

  // nullptr when absent or null.
  const schema::Json* Find(const std::string& name) const;
  // A string that is not empty. kClaims.
  schema::Result<std::string> Need(const std::string& name) const;
  // A string, or "" when absent. kClaims when it is something else.
  schema::Result<std::string> Optional(const std::string& name) const;

  const schema::Json& json() const { return claims_; }

 private:
  const schema::Json& claims_;
};

}  // namespace oidc
