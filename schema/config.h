// chancery.yaml: text in, typed settings out. The JSON Schema of the same file is
// chancery.schema.json.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"
#include "schema/hsm_settings.h"
#include "schema/key_settings.h"
#include "schema/limit_settings.h"
#include "schema/network.h"
#include "schema/tsa_settings.h"

namespace schema {

struct ListenSettings {
  Endpoint public_api;  // listen.public
  Endpoint log;
  Endpoint internal;
  std::vector<Network> trusted_proxies;
};

struct CaSettings {
  std::filesystem::path chain;  // PEM, issuing CA first, root last
  std::vector<KeyToken> keys;   // the issuing key, in each token that holds it; at least one
  int sessions;                 // signer processes in a token that does not say, 1 to 64
  // Set in signer processes only. A value that starts with "./", and that of SOFTHSM2_CONF, is a
  // path and absolute.
  std::map<std::string, std::string> module_env;
  std::chrono::seconds lifetime;  // 1 m to 24 h
  std::chrono::seconds backdate;  // 0 to 5 m
  // 100 ms to 30 s; a signer silent for longer is replaced.
  std::chrono::milliseconds sign_deadline;
  // Names of PKCS#11 attributes whose rule (hsm/key_rules.h) does not count; each use is logged.
  std::vector<std::string> waive_key_attributes;
  // `clock: kernel`: no certificate while the kernel does not say that its clock is kept.
  bool kernel_clock = false;
  bool context_login;                // give the PIN for each signature to a key that asks for it
  std::filesystem::path rotation{};  // rotation.h; empty: one issuing CA, that of chain and key
  std::chrono::seconds lead{};       // a new CA is published for so long before it is used
};

struct ShardSettings {
  std::string shard;             // [a-z0-9.-]+
  std::string origin;            // checkpoint origin, no scheme, no spaces, no '+'
  std::vector<KeyToken> keys{};  // certificates only: ECDSA P-256; at least one
  std::string note_key;          // "file:…", Ed25519
  std::vector<std::string> waive_key_attributes{};  // certificates only, as those of ca
};

// `log.precertificate: signer`: a Precertificate Signing Certificate's key (RFC 6962 3.1).
struct PrecertificateSettings {
  std::string key;              // log.precertificate-key: "file:…" or "pkcs11:…", ECDSA P-256
  std::filesystem::path chain;  // log.precertificate-chain: PEM, its certificate first
  std::vector<std::string> waive_key_attributes{};  // as those of ca
};

struct LogSettings {
  ShardSettings certificates;
  ShardSettings events;
  std::optional<PrecertificateSettings> precertificate{};  // absent: the issuing key signs them
  std::chrono::milliseconds checkpoint;                    // 100 ms to 60 s
  std::size_t precertificate_backlog;      // certificates whose precertificate is not yet signed
  std::vector<std::string> redact_claims;  // names only in the events log
};

struct Config {
  std::filesystem::path file;       // as given
  std::filesystem::path directory;  // of the file, absolute; relative paths start here
  std::string text;                 // that this was read from
  ListenSettings listen;
  std::filesystem::path state;
  std::filesystem::path issuers;
  std::filesystem::path policy;
  CaSettings ca;
  HsmSettings hsm;
  LogSettings log;
  LimitSettings limits;
  std::optional<TsaSettings> tsa{};  // absent: no timestamp authority
  // `chancery trust tuf` keeps it, and it is served under /tuf/; empty: none.
  std::filesystem::path tuf{};
  // `url`: what clients are told in trust documents; default http://<listen.public>
  std::string public_url;

  // A relative path of this configuration, made absolute.
  std::filesystem::path Resolve(const std::filesystem::path& path) const;
};

// All paths in the result are absolute, those inside PKCS#11 URIs excepted: hsm resolves them with
// `directory`. Errors name the key's path and line (document.h).
Result<Config> ParseConfig(std::string_view text, const std::filesystem::path& file);

}  // namespace schema
