#include "schema/setting_text.h"

#include <algorithm>

namespace schema {
namespace {

constexpr std::size_t kTextBytes = 4096;

}  // namespace

Result<std::string> SettingText(const Node& node) {
  TRY(std::string text, node.String());
  if (text.empty()) return node.Wrong("is empty");
  if (text.size() > kTextBytes) return node.Wrong("is too long");
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control) return node.Wrong("has a control character");
  return text;
}

}  // namespace schema
