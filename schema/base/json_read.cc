#include "schema/base/json_read.h"

#include <simdjson.h>

#include <string>
#include <utility>

namespace schema {

namespace {

namespace dom = simdjson::dom;

// Octets: of tokens and of honest requests. A parser keeps some fifteen times the longest text that
// it has read, and there is one for each thread.
constexpr std::size_t kUsual = 16 * 1024;

std::string Text(std::string_view text) { return std::string(text); }

bool Build(const dom::element& from, std::size_t depth_left, Json& to);

bool BuildArray(const dom::array& from, std::size_t depth_left, Json& to) {
  if (depth_left == 0) return false;
  auto& items = (to = Json::array()).get_ref<Json::array_t&>();
  for (const dom::element item : from) {
    if (!Build(item, depth_left - 1, items.emplace_back())) return false;
  }
  return true;
}

bool BuildObject(const dom::object& from, std::size_t depth_left, Json& to) {
  if (depth_left == 0) return false;
  auto& members = (to = Json::object()).get_ref<Json::object_t&>();
  for (const dom::key_value_pair member : from) {
    const auto [place, added] = members.try_emplace(Text(member.key));
    if (!added || !Build(member.value, depth_left - 1, place->second)) return false;
  }
  return true;
}

bool Build(const dom::element& from, std::size_t depth_left, Json& to) {
  switch (from.type()) {
    case dom::element_type::ARRAY:
      return BuildArray(dom::array(from), depth_left, to);
    case dom::element_type::OBJECT:
      return BuildObject(dom::object(from), depth_left, to);
    case dom::element_type::STRING:
      to = Text(std::string_view(from));
      return true;
    case dom::element_type::INT64: {
      const auto number = std::int64_t(from);
      // As the other reader has it: unsigned unless it is negative.
      number < 0 ? to = number : to = static_cast<std::uint64_t>(number);
      return true;
    }
    case dom::element_type::UINT64:
      to = std::uint64_t(from);
      return true;
    case dom::element_type::DOUBLE:
      to = double(from);
      return true;
    case dom::element_type::BOOL:
      to = bool(from);
      return true;
    case dom::element_type::NULL_VALUE:
      to = nullptr;
      return true;
  }
  return false;
}

}  // namespace

std::optional<Json> ReadQuick(std::string_view text, std::size_t depth_max) {
  // Nothing may be nowhere, which simdjson's memcpy must not be given.
  if (text.empty() || text.find("\\u") != std::string_view::npos) return std::nullopt;
  thread_local dom::parser usual;
  dom::parser once;
  dom::parser& parser = text.size() > kUsual ? once : usual;
  dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  std::optional<Json> value(std::in_place);
  if (!Build(root, depth_max, *value)) return std::nullopt;
  return value;
}

}  // namespace schema
