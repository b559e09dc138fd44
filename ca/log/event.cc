#include "ca/log/event.h"

#include <utility>

#include "schema/base/limits.h"

namespace ca {

using schema::Error;
using schema::Json;
using schema::Result;

const schema::ErrorKind kBadEvent{"bad-event", schema::Fault::kUs,
                                  "an event for the log could not be written"};

namespace {

constexpr std::string_view kIndexName = "leaf_index";
constexpr std::string_view kTimeName = "time";
constexpr std::string_view kTypeName = "type";
constexpr std::size_t kCompletionBytes = 96;  // both members with their names, at their longest

void AddText(schema::Bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

}  // namespace

schema::JsonWriter& EventWriter::Member(std::string_view name) {
  MUST(name > last_ && name != kIndexName && name != kTimeName);
  // Of the object the brace has been written, and of the member before all but its comma.
  const std::size_t here = json_.size() + (last_.empty() ? 0 : 1);
  if (!leaf_index_at_ && name > kIndexName) leaf_index_at_ = here;
  if (!time_at_ && name > kTimeName) time_at_ = here;
  typed_ |= name == kTypeName;
  last_ = name;
  json_.Name(name);
  return json_;
}

Result<EventText> EventWriter::Finish() && {
  if (!typed_) return Error{&kBadEvent, "no type"};
  json_.EndObject();
  if (json_.size() + kCompletionBytes > schema::limits::kEventBytes) {
    return Error{&kBadEvent, std::to_string(json_.size()) + " octets"};
  }
  EventText text;
  text.text_ = std::move(json_).Take();
  text.leaf_index_at_ = *leaf_index_at_;
  text.time_at_ = *time_at_;
  return text;
}

Result<EventText> EventText::Make(const Json& event) {
  if (!event.is_object()) return Error{&kBadEvent, "not an object"};
  const auto type = event.find(kTypeName);
  if (type == event.end() || !type->is_string()) return Error{&kBadEvent, "no type"};
  EventWriter writer;
  for (const auto& [name, value] : event.items()) {
    if (name != kIndexName && name != kTimeName) writer.Member(name).Value(value);
  }
  return std::move(writer).Finish();
}

schema::Bytes EventText::At(schema::TimeMs time, std::optional<std::uint64_t> leaf_index) const {
  const std::string_view text = text_;
  schema::Bytes out;
  out.reserve(text.size() + kCompletionBytes);
  AddText(out, text.substr(0, leaf_index_at_));
  if (leaf_index) AddText(out, "\"leaf_index\":" + std::to_string(*leaf_index) + ',');
  AddText(out, text.substr(leaf_index_at_, time_at_ - leaf_index_at_));
  AddText(out, "\"time\":\"" + schema::Rfc3339(time) + "\",");
  AddText(out, text.substr(time_at_));
  return out;
}

}  // namespace ca
