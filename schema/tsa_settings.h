// `tsa` of chancery.yaml: the timestamp authority (RFC 3161).
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "schema/base/document.h"
#include "schema/base/result.h"

namespace schema {

struct TsaSettings {
  std::string key;                   // "file:…" or "pkcs11:…", ECDSA P-256
  std::filesystem::path chain;       // PEM, the authority's certificate first, root last
  std::string policy;                // its own TSA policy, an OID in dotted decimal
  bool include_chain = false;        // all of the chain in a token, not the authority's alone
  std::chrono::seconds accuracy{1};  // 1 s to 60 s
  std::vector<std::string> waive_key_attributes{};  // as those of ca
  // false: `clock: trusted`, where something else than the kernel knows that the clock is right.
  bool kernel_clock = true;
};

// `clock: kernel` or `clock: trusted`: whether the kernel is asked. kBadSetting.
Result<bool> ReadClock(const Node& node);

// `node`: the map, or null: no timestamp authority. Relative paths start at `directory`.
// kBadSetting.
Result<std::optional<TsaSettings>> ReadTsa(const Node* node,
                                           const std::filesystem::path& directory);

}  // namespace schema
