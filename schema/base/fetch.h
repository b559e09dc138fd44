// Fetching over the network, as an interface: oidc asks, http/fetch answers, tests fake it.
#pragma once

#include <chrono>
#include <string>

#include "schema/base/result.h"

namespace schema {

struct FetchRequest {
  std::string url;
  std::string ca_file;      // PEM bundle; empty: the system's
  std::string ca_pem;       // PEM text trusted besides that; empty: none
  bool allow_http = false;  // plain http to any host; loopback http is always allowed
  std::size_t bytes_max = 256 * 1024;
  std::chrono::milliseconds timeout{5000};
};

extern const ErrorKind
    kFetchFailed;  // unreachable, not 200, redirected elsewhere, too large or too slow

class Fetcher {
 public:
  virtual ~Fetcher() = default;
  // The body of a 200 answer. Redirects are followed only to the same scheme, host and port. Blocks
  // up to the timeout. May be called from several threads.
  virtual Result<std::string> Get(const FetchRequest& request) = 0;
};

}  // namespace schema
