// Input: names of claims wanted, one a line, an empty line, an event. What the scanner says of a
// text that ParseJson takes is what ParseJson says: each wanted member is there with the same value
// or in neither. An event as our log writes it, of names that need no escape, is always taken.
#include <cstdint>
#include <set>

#include "ca/replay/scan.h"
#include "schema/base/bytes.h"
#include "schema/base/json.h"

namespace {

using schema::Json;

constexpr std::size_t kBytes = 1 << 16;
constexpr std::size_t kDepth = 60;  // the scanner's limit is a little above
constexpr std::string_view kMore = "…";

std::string_view CutLine(std::string_view* text) {
  const std::size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

void CheckSlice(std::string_view slice, const Json& object, std::string_view name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || found == object.end()) {
    MUST(slice.empty());
    return;
  }
  const auto value = schema::ParseJson(slice, {kBytes, kDepth});
  MUST(value.has_value() && *value == *found);
}

void CheckSlices(const ca::EventSlices& slices, const std::vector<std::string>& claims,
                 const Json& event) {
  CheckSlice(slices.type, event, "type");
  CheckSlice(slices.issuer, event, "issuer");
  CheckSlice(slices.subject, event, "subject");
  CheckSlice(slices.key_algorithm, event, "key_algorithm");
  CheckSlice(slices.rule, event, "rule");
  CheckSlice(slices.time, event, "time");
  CheckSlice(slices.request_id, event, "request_id");
  const auto found = event.find("claims");
  const Json held = found == event.end() ? Json() : *found;
  MUST(slices.claims.size() == claims.size());
  for (std::size_t i = 0; i < claims.size(); ++i) CheckSlice(slices.claims[i], held, claims[i]);
  CheckSlice(slices.more, held, kMore);
}

bool PlainNames(const Json& object) {
  std::string text;
  for (const auto& [name, value] : object.items()) schema::AppendJsonText(name, text);
  return text.find('\\') == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = schema::AsText({data, size});
  std::set<std::string> wanted;
  for (std::string_view name = CutLine(&text); !name.empty(); name = CutLine(&text)) {
    if (name != kMore) wanted.emplace(name);
  }
  const std::vector<std::string> claims(wanted.begin(), wanted.end());
  const ca::EventScanner scanner(claims);
  ca::EventSlices slices;
  const bool taken = scanner.Scan(text, &slices);
  const auto event = schema::ParseJson(text, {kBytes, kDepth});
  if (!event) return 0;
  if (taken) {
    MUST(event->is_object());
    CheckSlices(slices, claims, *event);
  }
  if (!event->is_object() || !PlainNames(*event)) return 0;
  const auto held = event->find("claims");
  if (held != event->end() && held->is_object() && !PlainNames(*held)) return 0;
  std::string written;
  schema::AppendJson(*event, written);
  MUST(scanner.Scan(written, &slices));
  CheckSlices(slices, claims, *event);
  return 0;
}
