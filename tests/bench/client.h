// Sends prepared requests over keep-alive connections, one in flight on each, from one thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace bench {

// 127.0.0.1 and the like: "host:port" with a literal IPv4 address.
int Connect(const std::string& address);  // -1: nobody listens

struct Sent {
  double seconds = 0;             // from the first request to the last answer
  std::vector<double> latencies;  // milliseconds, sorted
  std::size_t good = 0;           // answers with the status and the text that were expected
  std::string first_bad;          // the first other answer's beginning
};

// What a good answer begins with, and what its body has to hold.
struct Expected {
  std::string status;  // "HTTP/1.1 200"
  std::string text;    // "-----BEGIN CERTIFICATE-----"
};

Sent Send(const std::string& address, std::span<const std::string> requests,
          std::size_t connections, const Expected& expected);

// The body of a GET.
std::string Get(const std::string& address, const std::string& path);

}  // namespace bench
