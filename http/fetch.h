// schema::Fetcher over libcurl: discovery documents, JWKS, checkpoints.
//
// Plain http only to "localhost", 127.0.0.0/8 and [::1], or where the request allows it. GET only,
// no cookies, no user information in URLs, no .netrc. Environment variables such as https_proxy are
// NOT honoured: which host sees the question for a key decides whom Chancery believes, and that
// belongs into the configuration.
#pragma once

#include <memory>

#include "schema/base/fetch.h"

namespace http {

// Any number of threads may use it; each keeps a handle, with its open connections, until it ends.
std::unique_ptr<schema::Fetcher> MakeFetcher();

}  // namespace http
