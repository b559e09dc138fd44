// A map of the issuers file, whose keys are written kebab-case (YAML) or as Go names (JSON).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/document.h"
#include "schema/base/result.h"

namespace oidc {

class Settings {
 public:
  // Names `node`'s members after `known` (kebab-case): "issuer-url", "IssuerURL" and "issuerurl"
  // are the same key. kBadSetting when `node` is not a map, or a key is not known or occurs in two
  // spellings. With `ignored`, a key that is not known goes there as a sentence instead.
  static schema::Result<Settings> Read(const schema::Node& node,
                                       std::span<const std::string_view> known,
                                       std::vector<std::string>* ignored = nullptr);

  // The member's value; nullptr when it is absent or null. `key` is kebab-case.
  const schema::Node* Find(std::string_view key) const;
  // Its text; empty when absent. kBadSetting when it is a list or a map.
  schema::Result<std::string> Text(std::string_view key) const;
  // Its truth; false when absent.
  schema::Result<bool> Flag(std::string_view key) const;

 private:
  struct Entry {
    std::string_view key;  // one of `known`
    const schema::Node* value;
  };
  std::vector<Entry> entries_;
};

// The member of `known` that `key` spells, or empty.
std::string_view SameKey(std::string_view key, std::span<const std::string_view> known);

}  // namespace oidc
