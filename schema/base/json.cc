#include "schema/base/json.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "schema/base/json_read.h"

template class nlohmann::basic_json<>;

namespace schema {

const ErrorKind kBadJson{"bad-json", Fault::kCaller,
                         "the JSON is malformed, too large, too deep, or repeats a key"};

namespace {

// Where the lexer stands, for messages: its callbacks for values carry no position.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** last_read) : at_(at), last_read_(last_read) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    *last_read_ = at_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }

 private:
  const char* at_;
  const char** last_read_;
};

// Builds the value. Every callback that returns false ends the parse with `reason()` set.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(std::size_t depth_max) : depth_max_(depth_max) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return Refuse("binary is not JSON"); }

  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool key(string_t& name) override {
    const auto [place, added] = open_.back()->get_ref<Json::object_t&>().try_emplace(name);
    if (!added) return Refuse("a key repeats in its object");
    slot_ = &place->second;
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }

  // The library's own message quotes the input, which must not reach a log.
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return Refuse("not RFC 8259 JSON in UTF-8");
  }

  const char* reason() const { return reason_; }
  Json Take() && { return std::move(root_); }

 private:
  // The place of the value that just begins: the root, the end of the array, or the member of
  // `key`.
  Json* Put(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& items = open_.back()->get_ref<Json::array_t&>();
      return &items.emplace_back(std::move(value));
    }
    *slot_ = std::move(value);
    return slot_;
  }
  bool Add(Json value) {
    Put(std::move(value));
    return true;
  }
  bool Open(Json empty) {
    if (open_.size() == depth_max_) return Refuse("nested too deep");
    // Stays valid: nothing is added to the parent before this closes.
    open_.push_back(Put(std::move(empty)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  bool Refuse(const char* reason) {
    reason_ = reason;
    return false;
  }

  std::size_t depth_max_;
  Json root_;
  std::vector<Json*> open_;
  Json* slot_ = nullptr;
  const char* reason_ = nullptr;
};

Error BadAt(const char* reason, std::size_t position) {
  return Error{&kBadJson, std::string(reason) + " at byte " + std::to_string(position)};
}

// Reads what was refused once more, to say where: counting costs more than reading, and most texts
// are good.
Error Where(std::string_view text, std::size_t depth_max) {
  const char* const begin = text.data();
  const char* last_read = begin;
  StrictBuilder builder(depth_max);
  MUST(!Json::sax_parse(CountingIterator(begin, &last_read),
                        CountingIterator(begin + text.size(), &last_read), &builder));
  return BadAt(builder.reason(), static_cast<std::size_t>(last_read - begin));
}

std::string Dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// ASCII that a JSON string holds as it is.
bool IsPlain(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

void AppendObject(const Json& object, std::string& out) {
  char before = '{';
  for (const auto& [name, value] : object.items()) {
    out += before;
    AppendJsonText(name, out);
    out += ':';
    AppendJson(value, out);
    before = ',';
  }
  out += before == '{' ? "{}" : "}";
}

void AppendArray(const Json& array, std::string& out) {
  char before = '[';
  for (const Json& value : array) {
    out += before;
    AppendJson(value, out);
    before = ',';
  }
  out += before == '[' ? "[]" : "]";
}

}  // namespace

void AppendJsonText(std::string_view text, std::string& out) {
  if (!IsPlain(text)) {
    out += Dump(Json(text));
    return;
  }
  out.reserve(out.size() + text.size() + 2);
  out += '"';
  out += text;
  out += '"';
}

void AppendJson(const Json& value, std::string& out) {
  if (value.is_string()) return AppendJsonText(value.get_ref<const std::string&>(), out);
  if (value.is_object()) return AppendObject(value, out);
  if (value.is_array()) return AppendArray(value, out);
  if (value.is_number_unsigned()) {
    out += std::to_string(value.get<std::uint64_t>());
  } else {
    out += Dump(value);
  }
}

void JsonWriter::Comma() {
  if (!first_) out_ += ',';
  first_ = false;
}

void JsonWriter::Begin(char bracket) {
  Comma();
  out_ += bracket;
  first_ = true;
}

void JsonWriter::End(char bracket) {
  out_ += bracket;
  first_ = false;
}

void JsonWriter::Name(std::string_view name) {
  Comma();
  AppendJsonText(name, out_);
  out_ += ':';
  first_ = true;
}

void JsonWriter::Text(std::string_view value) {
  Comma();
  AppendJsonText(value, out_);
}

void JsonWriter::Number(std::uint64_t value) {
  Comma();
  out_ += std::to_string(value);
}

void JsonWriter::Boolean(bool value) {
  Comma();
  out_ += value ? "true" : "false";
}

void JsonWriter::Value(const Json& value) {
  Comma();
  AppendJson(value, out_);
}

Result<Json> ReadStrict(std::string_view text, std::size_t depth_max) {
  StrictBuilder builder(depth_max);
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return std::move(builder).Take();
  return Where(text, depth_max);
}

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return Error{&kBadJson, "larger than " + std::to_string(limits.bytes) + " bytes"};
  }
  // The lexer would take NUL for the end and skip a byte order mark; RFC 8259 8.1 and 2 know
  // neither.
  if (const auto nul = text.find('\0'); nul != text.npos) return BadAt("NUL", nul);
  if (text.starts_with("\xef\xbb\xbf")) return BadAt("byte order mark", 0);

  if (auto value = ReadQuick(text, limits.depth)) return *std::move(value);
  return ReadStrict(text, limits.depth);
}

}  // namespace schema
