#include "schema/key_settings.h"

#include <algorithm>
#include <array>
#include <set>

#include "schema/setting_text.h"

namespace schema {
namespace {

constexpr std::string_view kFile = "file:";
constexpr std::string_view kToken = "pkcs11:";
constexpr std::size_t kTokensMax = 8;  // of one key
constexpr std::size_t kNameBytes = 32;
constexpr int kSessionsMax = 64;  // of one token
constexpr int kWeightMax = 100;

// What the rules for keys in tokens may be waived for, by the names of PKCS#11 (v2.40, 4.9).
constexpr std::array<std::string_view, 8> kWaivable = {
    "CKA_SENSITIVE", "CKA_ALWAYS_SENSITIVE", "CKA_EXTRACTABLE", "CKA_NEVER_EXTRACTABLE",
    "CKA_LOCAL",     "CKA_DECRYPT",          "CKA_UNWRAP",      "CKA_DERIVE"};

Result<std::string> FileUri(const Node& node, std::string_view text,
                            const std::filesystem::path& directory, std::string_view wanted) {
  const bool authority = text.starts_with("file://") && !text.starts_with("file:///");
  if (!text.starts_with(kFile) || text.size() == kFile.size() || authority) {
    return node.Wrong(wanted);
  }
  const std::filesystem::path path = directory / text.substr(kFile.size());
  return std::string(kFile) + path.lexically_normal().string();
}

Result<int> CountOr(const Node& map, std::string_view key, int absent, int most) {
  const Node* node = map.Find(key);
  if (node == nullptr) return absent;
  TRY(const std::int64_t value, node->Integer(1, most));
  return static_cast<int>(value);
}

Result<KeyToken> ReadToken(const Node& node, const KeyPlaces& places) {
  if (node.kind() != Node::Kind::kMap) return node.Wrong("wanted a map with name and uri");
  TRY(node.OnlyKeys({"name", "uri", "sessions", "weight"}));
  KeyToken out;
  TRY(const Node* name, node.Need("name"));
  TRY(out.name, SettingText(*name));
  if (!IsTokenName(out.name)) {
    return name->Wrong("wanted up to 32 characters a-z, 0-9 and, not first, '-'");
  }
  TRY(const Node* uri, node.Need("uri"));
  TRY(out.uri, ReadKeyUri(*uri, places));
  out.setting = node.path();
  TRY(out.sessions, CountOr(node, "sessions", places.sessions, kSessionsMax));
  TRY(out.weight, CountOr(node, "weight", 1, kWeightMax));
  return out;
}

}  // namespace

// A part of paths, labels of metrics and command lines.
bool IsTokenName(std::string_view text) {
  const bool plain = std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  return plain && !text.empty() && text.size() <= kNameBytes && text.front() != '-';
}

Result<std::string> ReadKeyUri(const Node& node, const KeyPlaces& places) {
  TRY(std::string text, SettingText(node));
  if (text.starts_with(kToken)) return text;
  if (!places.files) {
    return node.Wrong("wanted a PKCS#11 URI, 'pkcs11:…': the issuing key is in an HSM");
  }
  return FileUri(node, text, places.directory, "wanted 'file:PATH' or 'pkcs11:…'");
}

Result<std::vector<KeyToken>> ReadKey(const Node& node, const KeyPlaces& places) {
  if (node.kind() != Node::Kind::kList) {
    TRY(std::string uri, ReadKeyUri(node, places));
    return std::vector<KeyToken>{
        {std::string(kOnlyToken), std::move(uri), node.path(), places.sessions, 1}};
  }
  if (node.items().empty() || node.items().size() > kTokensMax) {
    return node.Wrong("wanted 1 to 8 tokens");
  }
  std::vector<KeyToken> out;
  std::set<std::string> names;
  for (const Node& item : node.items()) {
    TRY(KeyToken token, ReadToken(item, places));
    if (!names.insert(token.name).second) {
      return item.Find("name")->Wrong("'" + token.name + "' is the name of another token too");
    }
    out.push_back(std::move(token));
  }
  return out;
}

Result<std::vector<std::string>> ReadWaivers(const Node* node) {
  if (node == nullptr) return std::vector<std::string>();
  TRY(std::vector<std::string> names, node->Strings());
  for (const std::string& name : names) {
    if (std::ranges::find(kWaivable, name) == kWaivable.end()) {
      return node->Wrong("'" + name + "' is no attribute that can be waived, such as CKA_LOCAL");
    }
  }
  return names;
}

Result<std::string> ReadNoteKey(const Node& node, const std::filesystem::path& directory) {
  TRY(const std::string text, SettingText(node));
  return FileUri(node, text, directory, "wanted 'file:PATH' of an Ed25519 key");
}

}  // namespace schema
