// One entry of `oidc-issuers` or `meta-issuers`, checked.
#pragma once

#include <filesystem>
#include <memory>

#include "oidc/ci_metadata.h"
#include "oidc/issuers.h"
#include "schema/base/document.h"

namespace oidc {

struct IssuerPlace {
  const CiMetadata& metadata;
  const std::filesystem::path& directory;  // where a relative ca-file starts
  bool wildcard;                           // an entry of meta-issuers
  const Rules& rules;
  std::vector<std::string>& warnings;  // gets what is worth knowing of an entry that is taken
};

// `key` is the map's key: the issuer's URL, or its pattern. Every error says what to change.
schema::Result<std::shared_ptr<const Issuer>> ReadIssuer(const std::string& key,
                                                         const schema::Node& node,
                                                         const IssuerPlace& place);

}  // namespace oidc
