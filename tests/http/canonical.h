// A framed request written down again in the one way that leaves nothing open: the other half of
// every framing property.
#pragma once

#include <string>

#include "http/framing.h"

namespace support {

inline std::string Canonical(const http::Framed& framed) {
  const http::Request& request = framed.request;
  std::string out = request.method + " " + request.path;
  if (!request.query.empty()) out += "?" + request.query;
  out += " HTTP/1.1\r\n";
  // Only HTTP/1.0 may come without one.
  if (request.Find("host") == nullptr) out += "host: unnamed\r\n";
  for (const auto& [name, value] : request.headers) out += name + ": " + value + "\r\n";
  if (!framed.keep_alive) out += "connection: close\r\n";
  return out + "content-length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
}

}  // namespace support
