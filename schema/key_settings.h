// A key that one or several tokens hold: `ca.key` and `log.certificates.key`.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/document.h"
#include "schema/base/result.h"

namespace schema {

// One of the places where a key is.
struct KeyToken {
  std::string name;     // [a-z0-9-], up to 32; kOnlyToken where the setting is one URI
  std::string uri;      // "pkcs11:…", or "file:" with an absolute path
  std::string setting;  // "ca.key", or "ca.key[1]" of a list: for messages
  int sessions = 1;     // signer processes, 1 to 64
  int weight = 1;       // share of the work while more than one could take it, 1 to 100
};

bool IsTokenName(std::string_view text);
inline constexpr std::string_view kOnlyToken = "default";

// What may stand there, and where relative paths start.
struct KeyPlaces {
  bool files;    // "file:PATH" too
  int sessions;  // of an entry that does not say
  std::filesystem::path directory;
};

// A URI, or a list of 1 to 8 maps with `name` and `uri`, perhaps `sessions` and `weight`; names
// differ. Paths in PKCS#11 URIs are hsm's to resolve, which parses them. kBadSetting.
Result<std::vector<KeyToken>> ReadKey(const Node& node, const KeyPlaces& places);
// The URI of a key that is in one place. kBadSetting.
Result<std::string> ReadKeyUri(const Node& node, const KeyPlaces& places);
// Names of attributes whose rule is waived, or none without the node. kBadSetting.
Result<std::vector<std::string>> ReadWaivers(const Node* node);
// "file:PATH" with an absolute path, of an Ed25519 key. kBadSetting.
Result<std::string> ReadNoteKey(const Node& node, const std::filesystem::path& directory);

}  // namespace schema
