// The head of a request, complete and free of control characters, to its meaning. For http/framing
// only.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/framing.h"

namespace http {

struct Head {
  Framed framed;  // without body
  bool chunked = false;
  std::size_t length = 0;  // Content-Length, or 0
  bool expects_continue = false;
};

// `text`: from the method to the empty line, both CRLFs of the end included.
schema::Result<Head> ParseHead(std::string_view text, const FramingLimits& limits);

// name ":" OWS value OWS (RFC 9112 5); the name comes out in lower case.
schema::Result<Header> ParseField(std::string_view line);

}  // namespace http
