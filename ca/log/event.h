// An entry of the events log: canonical JSON (sorted keys, no spaces), completed by the sequencer.
//
// Only the sequencer knows the time and the leaf index, and it is the busiest thread of the house.
// So the text is made beforehand, with two gaps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

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
  EventText() = default;
  // Members before "leaf_index", between, and after "time"; without braces and outer commas.
  std::string head_, middle_, tail_;
};

}  // namespace ca
