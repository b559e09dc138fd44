// JSON from outside: size, depth and duplicate keys are checked before anyone looks at it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "schema/base/result.h"

// Compiled once, in json.cc: in each file that has to do with JSON it was half of what the checked
// builds compiled.
extern template class nlohmann::basic_json<>;

namespace schema {

using Json = nlohmann::json;  // object keys sorted, so dump() is canonical for our own values

extern const ErrorKind kBadJson;

struct JsonLimits {
  std::size_t bytes;
  std::size_t depth = 32;
};

// Strict RFC 8259 text: UTF-8, no duplicate key in any object, nothing after the value, nesting at
// most `limits.depth`. Integers keep all their digits up to 64 bits; a longer or fractional number
// is kept as double with its text lost, so callers that print numbers refuse doubles beyond 2^53.
// The detail of kBadJson names the reason and the byte, never the content.
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits);

// Append what value.dump() gives, with U+FFFD for octets that are not UTF-8; several times faster,
// which counts where an event or a line of the operator's log is made for every request.
void AppendJson(const Json& value, std::string& out);
void AppendJsonText(std::string_view text, std::string& out);  // as a JSON string

// Writes JSON text without the tree, for what is made for every request. What is written is
// canonical when the names of each object come in ascending order, which is the caller's part.
// Commas and colons come by themselves; Begin and End, Name and value must match.
class JsonWriter {
 public:
  void BeginObject() { Begin('{'); }
  void EndObject() { End('}'); }
  void BeginArray() { Begin('['); }
  void EndArray() { End(']'); }
  void Name(std::string_view name);
  void Text(std::string_view value);  // U+FFFD for octets that are not UTF-8
  void Number(std::uint64_t value);
  void Boolean(bool value);
  void Value(const Json& value);

  std::size_t size() const { return out_.size(); }
  std::string Take() && { return std::move(out_); }

 private:
  void Begin(char bracket);
  void End(char bracket);
  void Comma();

  std::string out_;
  bool first_ = true;  // nothing stands before in the object or array, or a name does
};

}  // namespace schema
