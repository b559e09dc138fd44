// Which CI platform an issuer's tokens are of, and whether its templates name the right site.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oidc/issuers.h"

namespace oidc {

// By type, by the metadata's name, or by the claims its templates read; `provider` may be null.
Platform PlatformOf(IssuerType type, const CiProvider* provider);

// A self-managed GitHub or GitLab whose certificates would name https://github.com or
// https://gitlab.com: the site they would name. nullopt when `issuer_host` is that site's own.
std::optional<std::string_view> ForeignSite(Platform platform, IssuerType type,
                                            const CiProvider* provider,
                                            std::string_view issuer_host);

// How old a token may be when the issuer sets no max-token-age. Tokens fetched on demand (GitHub,
// Buildkite, e-mail) are fresh; tokens handed over at the start of a job live as long as the job.
std::chrono::seconds DefaultTokenAge(IssuerType type, Platform platform,
                                     const CiProvider* provider);

}  // namespace oidc
