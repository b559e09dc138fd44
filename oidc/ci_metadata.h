// `ci-issuer-metadata`: what each CI provider's claims become, as templates compiled at load.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>

#include "oidc/issuers.h"
#include "schema/base/document.h"

namespace oidc {

// By name. A provider that cannot be used stays in the map with its error, so that the issuers
// which name it can say why.
using CiProviders =
    std::map<std::string, schema::Result<std::shared_ptr<const CiProvider>>, std::less<>>;

CiProviders ReadCiMetadata(const schema::Node& node, std::vector<schema::Error>& problems);

}  // namespace oidc
