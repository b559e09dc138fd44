// schema::Fetcher and schema::Sender over libcurl: discovery documents and JWKS; checkpoints to
// witnesses and to where they are shipped.
//
// Plain http only to "localhost", 127.0.0.0/8 and [::1], or where the request allows it. No
// cookies, no user information in URLs, no .netrc. Environment variables such as https_proxy are
// NOT honoured: which host sees the question for a key decides whom Chancery believes, and that
// belongs into the configuration.
#pragma once

#include <memory>

#include "schema/base/fetch.h"
#include "schema/base/send.h"

namespace http {

// Any number of threads may use it; each keeps a handle, with its open connections, until it ends.
std::unique_ptr<schema::Fetcher> MakeFetcher();
std::unique_ptr<schema::Sender> MakeSender();

}  // namespace http
