// One request and one answer, as the routes see them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

using Header = std::pair<std::string, std::string>;

struct Request {
  std::string method;  // as sent: "GET"
  std::string
      path;  // "/a/b"; escapes of unreserved characters decoded, others as %XX in upper case
  std::string query;            // after the first '?', undecoded
  std::vector<Header> headers;  // names in lower case, values without surrounding space
  std::string body;
  std::string peer_address;  // IP literal of the TCP peer
  std::string
      client_address;  // the same, or what a trusted proxy says in its one X-Forwarded-For value
  std::string id;      // 16 hexadecimal digits, made by the server

  // The first header of that name (lower case), or null.
  const std::string* Find(std::string_view name) const {
    for (const Header& header : headers)
      if (header.first == name) return &header.second;
    return nullptr;
  }
};

struct Response {
  int status;
  std::string content_type;  // empty: no Content-Type
  std::string body;
  std::vector<Header>
      headers;  // besides Content-Type, Content-Length, Connection, Date and X-Request-Id
};

}  // namespace http
