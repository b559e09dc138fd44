// Names that claims and configuration carry: e-mail addresses, SPIFFE IDs, domains.
#pragma once

#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace oidc {

// An address Fulcio takes, and that fits an rfc822Name: ASCII, no quoted local part, a dot in the
// domain, labels that begin and end with a letter or digit, the last one with letters; one final
// dot is allowed.
bool IsEmail(std::string_view text);

// SPIFFE-ID 2: "spiffe://", a trust domain of a-z 0-9 - . _, then a path of at least one segment of
// A-Z a-z 0-9 - . _, none of them empty, "." or "..". Returns the trust domain.
struct SpiffeId {
  std::string_view trust_domain;
  std::string_view path;  // with its leading slash
};
schema::Result<SpiffeId> ParseSpiffeId(std::string_view text);
bool IsTrustDomain(std::string_view text);

// Whether an issuer on `issuer_host` may speak for subjects of `subject_host`: the same host, or
// both with at least two labels and the last two equal. (Public suffixes such as co.uk are not
// known here.)
bool SharesDomain(std::string_view issuer_host, std::string_view subject_host);

// RFC 1123 2.1 in lower case: what Kubernetes accepts as a namespace or service account.
bool IsDnsName(std::string_view text);

}  // namespace oidc
