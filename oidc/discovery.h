// OpenID Connect Discovery 1.0 section 4: from an issuer to the place of its keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oidc/algorithm.h"
#include "oidc/issuers.h"
#include "schema/base/result.h"

namespace oidc {

extern const schema::ErrorKind kBadDiscovery;

// One trailing slash of the issuer is dropped (section 4.1).
std::string DiscoveryUrl(std::string_view issuer_url);

struct Discovery {
  std::string jwks_uri;
  std::vector<const Algorithm*>
      algorithms;  // those it signs with and we know; empty: it does not say
};

// `issuer` must be repeated octet by octet (section 4.3). `jwks_uri` must be
//   - https, or http for an issuer that is itself http, without user information;
//   - for a pattern issuer: of the same scheme, host and port, for the token chose part of the
//   host;
//   - for an exact issuer: there, or at any other host name. Google's keys are at
//   www.googleapis.com. An
//     address or a name without a dot is no other host: those are the inside of our own network.
schema::Result<Discovery> ParseDiscovery(std::string_view text, const Issuer& issuer,
                                         std::string_view issuer_url);

}  // namespace oidc
