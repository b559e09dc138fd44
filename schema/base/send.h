// One HTTP request and its answer, whatever its status: ca's witnesses and shipping ask, http/fetch
// sends, tests fake it. Documents are fetched by schema/base/fetch.h.
#pragma once

#include <chrono>
#include <string>

#include "schema/base/result.h"

namespace schema {

struct SendRequest {
  std::string method;        // "GET" or "POST"
  std::string url;           // https, or loopback http
  std::string content_type;  // of the body; POST only
  std::string body;
  std::string ca_file;  // PEM bundle; empty: the system's
  std::size_t bytes_max = 64 * 1024;
  std::chrono::milliseconds timeout{5000};
};

struct SendAnswer {
  int status;
  std::string content_type;  // empty: none
  std::string body;
};

class Sender {
 public:
  virtual ~Sender() = default;
  // kFetchFailed (fetch.h) when there is no whole answer. Redirections are answers. Blocks up to
  // the timeout. May be called from several threads.
  virtual Result<SendAnswer> Send(const SendRequest& request) = 0;
};

}  // namespace schema
