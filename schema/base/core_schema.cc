#include "schema/base/core_schema.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <initializer_list>

namespace schema {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Removes the digits that `text` begins with and says how many there were.
std::size_t EatDigits(std::string_view* text, std::string_view digits = "0123456789") {
  const std::size_t count = std::min(text->find_first_not_of(digits), text->size());
  text->remove_prefix(count);
  return count;
}

bool EatSign(std::string_view* text) {
  if (!text->starts_with('+') && !text->starts_with('-')) return false;
  text->remove_prefix(1);
  return true;
}

bool IsNumber(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0o")) {
    const auto digits = text[1] == 'x' ? "0123456789abcdefABCDEF" : "01234567";
    text.remove_prefix(2);
    return EatDigits(&text, digits) > 0 && text.empty();
  }
  if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) return true;
  EatSign(&text);
  if (IsOneOf(text, {".inf", ".Inf", ".INF"})) return true;
  std::size_t digits = EatDigits(&text);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    digits += EatDigits(&text);
  }
  if (digits == 0) return false;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    EatSign(&text);
    if (EatDigits(&text) == 0) return false;
  }
  return text.empty();
}

}  // namespace

Node::Kind CoreKind(std::string_view text) {
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return Node::Kind::kNull;
  if (IsOneOf(text, {"true", "True", "TRUE", "false", "False", "FALSE"})) return Node::Kind::kBool;
  return IsNumber(text) ? Node::Kind::kNumber : Node::Kind::kString;
}

std::optional<std::int64_t> CoreInteger(std::string_view text) {
  if (!IsNumber(text)) return std::nullopt;
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    base = text[1] == 'x' ? 16 : 8;
    text.remove_prefix(2);
  } else if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace schema
