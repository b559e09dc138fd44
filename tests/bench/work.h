// Requests of the benchmark, made before any of them is sent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/token.h"

namespace bench {

struct Target {
  std::string issuer;        // "iss" of the tokens, which the server's policy has to allow
  std::string address;       // host:port, for the Host field
  std::size_t branches = 1;  // whose tokens these are, at random
};

// The minter of the demo's issuer: RS256 with the key of `file`.
support::TokenMinter LoadMinter(const std::string& file);

// What a request is to get.
enum class Want {
  kCertificate,
  kBadToken,    // 401: the token's signature is wrong
  kDenied,      // 403: a repository that the policy does not allow, always the same one
  kDeniedAnew,  // 403: another one each time, so that each refusal is an event of its own
  kTimestamp,   // 201: an RFC 3161 timestamp of random octets
};

// The repository that the policy of make_state.py allows.
extern const std::string kAllowed;

// Whose workflow runs.
struct Identity {
  std::string repository = kAllowed;
  std::string branch = "main";
};

// The claims of one token as JSON text; `jti` tells tokens apart.
std::string Claims(const Target& target, std::string_view jti, const Identity& identity = {});

// The body of a v2 request: a fresh P-256 key with its proof over the token's subject.
std::string Body(const Identity& identity = {});

// `count` whole HTTP requests, each with its own token, key and proof. Uses all cores.
std::vector<std::string> MakeRequests(const support::TokenMinter& minter, const Target& target,
                                      std::size_t count, Want want = Want::kCertificate);

}  // namespace bench
