// An entry of the events log: canonical JSON (sorted keys, no spaces), completed by the sequencer.
//
// Only the sequencer knows the time and the leaf index, and it is the busiest thread of the house.
// So the text is made beforehand, with two gaps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca {

extern const schema::ErrorKind kBadEvent;  // kUs: no `type`, or larger than limits::kEventBytes

class EventText {
 public:
  // `event` is an object with a text `type`. Its `time` and `leaf_index`, if any, are dropped.
  // Octets that are not UTF-8 become U+FFFD.
  static schema::Result<EventText> Make(const schema::Json& event);

  schema::Bytes At(schema::TimeMs time, std::optional<std::uint64_t> leaf_index) const;

 private:
  friend class EventWriter;
  EventText() = default;
  std::string text_;
  // Where the two members belong: always before another, as `type` comes behind both.
  std::size_t leaf_index_at_ = 0, time_at_ = 0;
};

// Makes one member by member, without a tree of values.
class EventWriter {
 public:
  EventWriter() { json_.BeginObject(); }

  // Next, the value is to be written. Names come in ascending order; `time` and `leaf_index` are
  // none of them, and one is `type`.
  schema::JsonWriter& Member(std::string_view name);
  void Text(std::string_view name, std::string_view value) { Member(name).Text(value); }
  void Number(std::string_view name, std::uint64_t value) { Member(name).Number(value); }

  schema::Result<EventText> Finish() &&;

 private:
  schema::JsonWriter json_;
  std::string last_;
  std::optional<std::size_t> leaf_index_at_, time_at_;
  bool typed_ = false;
};

}  // namespace ca
