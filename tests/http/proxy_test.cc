#include "http/proxy.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

// 10.0.0.0/8 and 2001:db8::/32.
std::vector<schema::Network> Trusted() {
  schema::Network four{*schema::ParseAddress("10.0.0.0"), 96 + 8};
  schema::Network six{*schema::ParseAddress("2001:db8::"), 32};
  return {four, six};
}

}  // namespace

TEST_CASE("whose request it is") {
  struct Row {
    std::string peer;
    std::vector<std::string> forwarded;
    std::string client;
  };
  const std::vector<Row> rows = {
      {"10.1.2.3", {"192.0.2.7"}, "192.0.2.7"},
      {"10.1.2.3", {"2001:db9::1"}, "2001:db9::1"},
      {"2001:db8::5", {"192.0.2.7"}, "192.0.2.7"},
      {"::ffff:10.1.2.3", {"192.0.2.7"}, "192.0.2.7"},
      {"10.1.2.3", {}, "10.1.2.3"},
      {"10.1.2.3", {""}, "10.1.2.3"},
      {"10.1.2.3", {"192.0.2.7, 192.0.2.8"}, "10.1.2.3"},
      {"10.1.2.3", {"192.0.2.7", "192.0.2.8"}, "10.1.2.3"},
      {"10.1.2.3", {"192.0.2.7:80"}, "10.1.2.3"},
      {"10.1.2.3", {"[2001:db9::1]"}, "10.1.2.3"},
      {"10.1.2.3", {"unknown"}, "10.1.2.3"},
      {"192.0.2.1", {"192.0.2.7"}, "192.0.2.1"},
      {"11.0.0.1", {"192.0.2.7"}, "11.0.0.1"},
      {"", {"192.0.2.7"}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.peer);
    http::Request request;
    request.peer_address = row.peer;
    for (const std::string& value : row.forwarded)
      request.headers.emplace_back("x-forwarded-for", value);
    CHECK(http::ClientAddress(request, Trusted()) == row.client);
  }
}
