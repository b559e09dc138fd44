#include "http/query.h"

#include <charconv>

namespace http {
namespace {

using schema::Error;
using schema::Result;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> Decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const bool whole = i + 2 < text.size();
      const int high = whole ? HexDigit(text[i + 1]) : -1;
      const int low = whole ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Error{&kBadQuery, "a percent escape is malformed"};
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

}  // namespace

const schema::ErrorKind kBadQuery = {
    "query-malformed", schema::Fault::kCaller,
    "The query is missing a parameter or has one of the wrong form"};

Result<Query> Query::Parse(std::string_view text) {
  Query out;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    TRY(std::string name, Decode(pair.substr(0, equals)));
    TRY(std::string value, Decode(pair.substr(std::min(pair.size(), equals + 1))));
    if (!out.values_.emplace(name, std::move(value)).second)
      return Error{&kBadQuery, "repeated: " + name};
  }
  return out;
}

std::string Query::Text(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? std::string() : found->second;
}

Result<std::uint64_t> Query::Number(std::string_view name) const {
  const std::string text = Text(name);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
      value >> 63 != 0) {
    return Error{&kBadQuery, std::string(name) + " is not a number"};
  }
  return value;
}

}  // namespace http
