// A document that was read, aliases and merges resolved, reads the same from its plain JSON-like
// print; every path leads back to its value; no map repeats a key.
#include <cstdint>
#include <set>
#include <string>

#include "schema/base/document.h"

namespace {

using schema::Node;

constexpr std::size_t kTextBytes = 1 << 20;

void PrintQuoted(std::string_view text, std::string* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f || c == '"' || c == '\\') {
      out->append("\\x");
      out->push_back(kDigits[octet >> 4]);
      out->push_back(kDigits[octet & 0x0f]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void Print(const Node& node, std::string* out) {
  switch (node.kind()) {
    case Node::Kind::kNull:
      out->append("null");
      return;
    case Node::Kind::kBool:
    case Node::Kind::kNumber:
      out->append(node.text());
      return;
    case Node::Kind::kString:
      PrintQuoted(node.text(), out);
      return;
    case Node::Kind::kList:
      out->append("[");
      for (const Node& item : node.items()) {
        Print(item, out);
        out->append(", ");
      }
      out->append("]");
      return;
    case Node::Kind::kMap:
      out->append("{");
      for (const auto& [key, value] : node.members()) {
        out->append("? ");  // an explicit key has no limit on its length
        PrintQuoted(key, out);
        out->append(" : ");
        Print(value, out);
        out->append(", ");
      }
      out->append("}");
      return;
  }
}

void CheckSame(const Node& a, const Node& b) {
  MUST(a.kind() == b.kind() && a.path() == b.path());
  MUST(a.IsNull() || a.text() == b.text());
  MUST(a.items().size() == b.items().size() && a.members().size() == b.members().size());
  for (std::size_t i = 0; i < a.items().size(); ++i) CheckSame(a.items()[i], b.items()[i]);
  for (std::size_t i = 0; i < a.members().size(); ++i) {
    MUST(a.members()[i].first == b.members()[i].first);
    CheckSame(a.members()[i].second, b.members()[i].second);
  }
}

void CheckOne(const Node& node, int lines) {
  MUST(node.line() >= 0 && node.line() <= lines);
  std::set<std::string_view> keys;
  for (const auto& [key, value] : node.members()) {
    MUST(keys.insert(key).second);
    MUST(node.Find(key) == &value);
    MUST(value.path().starts_with(node.path()) && value.path().size() > node.path().size());
    CheckOne(value, lines);
  }
  for (std::size_t i = 0; i < node.items().size(); ++i) {
    MUST(node.items()[i].path() == node.path() + "[" + std::to_string(i) + "]");
    CheckOne(node.items()[i], lines);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto root = schema::ParseDocument(text);
  if (!root) {
    MUST(root.error().Is(schema::kBadDocument));
    return 0;
  }
  int lines = 2;
  for (const char c : text) lines += c == '\n' || c == '\r';
  CheckOne(*root, lines);
  std::string printed;
  Print(*root, &printed);
  if (printed.size() > kTextBytes) return 0;
  const auto again = schema::ParseDocument(printed);
  MUST(again.has_value());
  CheckSame(*root, *again);
  return 0;
}
