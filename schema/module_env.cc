#include "schema/module_env.h"

#include <algorithm>

#include "schema/setting_text.h"

namespace schema {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsVariable(std::string_view name) {
  const bool allowed = std::ranges::all_of(name, [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
  return allowed && !name.empty() && !IsDigit(name.front());
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
    TRY(std::string text, SettingText(value));
    const bool path = name == "SOFTHSM2_CONF" || text.starts_with("./");
    out.emplace(name, path ? (directory / text).lexically_normal().string() : std::move(text));
  }
  return out;
}

}  // namespace schema
