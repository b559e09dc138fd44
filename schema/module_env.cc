#include "schema/module_env.h"

#include <algorithm>

namespace schema {
namespace {

constexpr std::size_t kTextBytes = 4096;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsVariable(std::string_view name) {
  const bool allowed = std::ranges::all_of(name, [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
  return allowed && !name.empty() && !IsDigit(name.front());
}

Result<std::string> Text(const Node& node) {
  TRY(std::string text, node.String());
  if (text.empty()) return node.Wrong("is empty");
  if (text.size() > kTextBytes) return node.Wrong("is too long");
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control) return node.Wrong("has a control character");
  return text;
}

}  // namespace

Result<std::map<std::string, std::string>> ReadModuleEnv(const Node* node,
                                                         const std::filesystem::path& directory) {
  std::map<std::string, std::string> out;
  if (node == nullptr) return out;
  if (node->kind() != Node::Kind::kMap) {
    return node->Wrong("wanted a map of environment variables");
  }
  for (const auto& [name, value] : node->members()) {
    if (!IsVariable(name)) return value.Wrong("not the name of an environment variable");
    TRY(std::string text, Text(value));
    const bool path = name == "SOFTHSM2_CONF" || text.starts_with("./");
    out.emplace(name, path ? (directory / text).lexically_normal().string() : std::move(text));
  }
  return out;
}

}  // namespace schema
