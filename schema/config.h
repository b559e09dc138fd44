// chancery.yaml: text in, typed settings out. The JSON Schema of the same file is chancery.schema.json.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"

namespace schema {

struct Endpoint {
  std::string host;    // an IP literal: "127.0.0.1", "::1", "0.0.0.0"
  std::uint16_t port;  // 0: any free port
  std::string Text() const;  // "127.0.0.1:5555", "[::1]:5555"
};

// An IP network, IPv4 kept as IPv4-mapped IPv6.
struct Network {
  std::array<std::uint8_t, 16> address;
  int prefix;  // bits, 0 to 128
  bool Contains(const std::array<std::uint8_t, 16>& other) const;
};
// IPv4 or IPv6 literal to 16 octets (IPv4-mapped).
Result<std::array<std::uint8_t, 16>> ParseAddress(std::string_view text);

struct ListenSettings {
  Endpoint public_api;   // listen.public
  Endpoint log;
  Endpoint internal;
  std::vector<Network> trusted_proxies;
};

struct CaSettings {
  std::filesystem::path chain;                     // PEM, issuing CA first, root last
  std::string key;                                 // RFC 7512 URI
  std::map<std::string, std::string> module_env;   // set in signer processes only; see Config::Resolve
  int sessions;                                    // signer processes of the issuing key, 1 to 64
  std::chrono::seconds lifetime;                   // 1 m to 24 h
  std::chrono::seconds backdate;                   // 0 to 5 m
  std::chrono::milliseconds sign_deadline;         // ca.sign-deadline: a signer silent for longer is replaced
};

struct ShardSettings {
  std::string shard;     // [a-z0-9.-]+
  std::string origin;    // checkpoint origin, no scheme, no spaces, no '+'
  std::string key;       // certificates only: "file:…" or "pkcs11:…", ECDSA P-256
  std::string note_key;  // "file:…", Ed25519
};

struct LogSettings {
  ShardSettings certificates;
  ShardSettings events;
  std::chrono::milliseconds checkpoint;   // 100 ms to 60 s
  std::size_t precertificate_backlog;     // certificates whose precertificate is not yet signed
  std::vector<std::string> redact_claims; // names only in the events log
};

struct Config {
  std::filesystem::path file;       // as given
  std::filesystem::path directory;  // of the file, absolute; relative paths start here
  ListenSettings listen;
  std::filesystem::path state;
  std::filesystem::path issuers;
  std::filesystem::path policy;
  CaSettings ca;
  LogSettings log;
  std::string public_url;           // `url`: what clients are told in trust documents; default http://<listen.public>

  // A relative path of this configuration, made absolute.
  std::filesystem::path Resolve(const std::filesystem::path& path) const;
};

// All paths in the result are absolute. Errors name the key's path and line (document.h).
Result<Config> ParseConfig(std::string_view text, const std::filesystem::path& file);

}  // namespace schema
