#include "oidc/settings.h"

#include <algorithm>

namespace oidc {

using schema::Node;
using schema::Result;

namespace {

std::string Plain(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c != '-') out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

std::string Listed(std::span<const std::string_view> known) {
  std::string out;
  for (const std::string_view key : known) out.append(out.empty() ? "" : ", ").append(key);
  return out;
}

}  // namespace

std::string_view SameKey(std::string_view key, std::span<const std::string_view> known) {
  const std::string plain = Plain(key);
  const auto found = std::ranges::find_if(
      known, [&plain](std::string_view candidate) { return Plain(candidate) == plain; });
  return found == known.end() ? std::string_view() : *found;
}

Result<Settings> Settings::Read(const Node& node, std::span<const std::string_view> known,
                                std::vector<std::string>* ignored) {
  if (node.kind() != Node::Kind::kMap) return node.Wrong("must be a map");
  Settings out;
  for (const auto& [key, value] : node.members()) {
    const std::string_view same = SameKey(key, known);
    if (same.empty() && ignored != nullptr) {
      ignored->push_back(value.Wrong("is not a known key and is ignored").detail);
      continue;
    }
    if (same.empty()) {
      return value.Wrong("is not a known key; correct or remove it (known: " + Listed(known) + ")");
    }
    if (std::ranges::find(out.entries_, same, &Entry::key) != out.entries_.end()) {
      return value.Wrong("is the key \"" + std::string(same) +
                         "\" in a second spelling; remove one");
    }
    out.entries_.push_back({same, &value});
  }
  return out;
}

const Node* Settings::Find(std::string_view key) const {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  return found == entries_.end() || found->value->IsNull() ? nullptr : found->value;
}

Result<std::string> Settings::Text(std::string_view key) const {
  const Node* node = Find(key);
  return node == nullptr ? Result<std::string>(std::string()) : node->String();
}

Result<bool> Settings::Flag(std::string_view key) const {
  const Node* node = Find(key);
  return node == nullptr ? Result<bool>(false) : node->Bool();
}

}  // namespace oidc
