#include "ca/log/event.h"

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
constexpr std::size_t kCompletionBytes = 96;  // both members with their names, at their longest

void AddMember(std::string& out, const std::string& name, const Json& value) {
  if (!out.empty()) out += ',';
  schema::AppendJsonText(name, out);
  out += ':';
  schema::AppendJson(value, out);
}

void AddText(schema::Bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

void AddPart(schema::Bytes& out, std::string_view part) {
  if (part.empty()) return;
  if (out.size() > 1) AddText(out, ",");
  AddText(out, part);
}

}  // namespace

Result<EventText> EventText::Make(const Json& event) {
  if (!event.is_object()) return Error{&kBadEvent, "not an object"};
  const auto type = event.find("type");
  if (type == event.end() || !type->is_string()) return Error{&kBadEvent, "no type"};
  EventText text;
  for (const auto& [name, value] : event.items()) {
    if (name == kIndexName || name == kTimeName) continue;
    std::string& part = name < kIndexName  ? text.head_
                        : name < kTimeName ? text.middle_
                                           : text.tail_;
    AddMember(part, name, value);
  }
  const std::size_t size = text.head_.size() + text.middle_.size() + text.tail_.size();
  if (size + kCompletionBytes > schema::limits::kEventBytes) {
    return Error{&kBadEvent, std::to_string(size) + " octets"};
  }
  return text;
}

schema::Bytes EventText::At(schema::TimeMs time, std::optional<std::uint64_t> leaf_index) const {
  schema::Bytes out;
  out.reserve(head_.size() + middle_.size() + tail_.size() + kCompletionBytes);
  AddText(out, "{");
  AddPart(out, head_);
  if (leaf_index) AddPart(out, "\"leaf_index\":" + std::to_string(*leaf_index));
  AddPart(out, middle_);
  AddPart(out, "\"time\":\"" + schema::Rfc3339(time) + '"');
  AddPart(out, tail_);
  AddText(out, "}");
  return out;
}

}  // namespace ca
