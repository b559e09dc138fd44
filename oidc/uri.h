// URIs as Go's net/url reads and prints them: verifiers compare the subjectAltName as text, so ours
// must be the text Fulcio would have written.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace oidc {

extern const schema::ErrorKind kBadUri;

struct Uri {
  std::string scheme;      // lower case; may be empty
  std::string host;        // decoded, without port and brackets; may be empty
  bool user_info = false;  // "user@" was present
  std::string text;        // normalised, ASCII
};

// url.Parse(text).String(). Refused besides what Go refuses: control characters anywhere; a query
// or opaque part that is not ASCII, because neither can stand in an IA5String (RFC 5280 4.2.1.6);
// and a host with brackets that are not around an IPv6 address, with a zone, or with several
// colons; and a path that would read as a host once printed. Safe on any bytes
// (tests/fuzz/uri_fuzz.cc).
schema::Result<Uri> ParseUri(std::string_view text);

// URL.JoinPath: elements joined with "/", "." and empty segments removed, then escaped. Where Go
// resolves
// "..", we refuse it: no claim has business leaving its place. `base` is normalised and has no
// query, fragment or slash at its end: "https://github.com".
schema::Result<std::string> JoinUri(std::string_view base,
                                    std::initializer_list<std::string_view> elements);

}  // namespace oidc
