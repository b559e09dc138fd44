// One visit to an issuer: its OpenID configuration when it is not known yet, then its keys.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "oidc/discovery.h"
#include "oidc/jwks.h"
#include "schema/base/fetch.h"
#include "schema/base/result.h"

namespace oidc {

struct FetchedKeys {
  Discovery discovery;
  std::shared_ptr<const KeySet> keys;
};

// Blocks up to `timeout` for both documents together. Errors are kFetchFailed, kBadDiscovery or
// kBadJwks; their detail starts with the document's address.
schema::Result<FetchedKeys> FetchKeys(schema::Fetcher& fetcher, const Issuer& issuer,
                                      const std::string& issuer_url, std::optional<Discovery> known,
                                      std::chrono::milliseconds timeout);

}  // namespace oidc
