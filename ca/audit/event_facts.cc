#include "ca/audit/event_facts.h"

#include "schema/base/json.h"
#include "schema/base/limits.h"

namespace ca::audit {

using schema::Error;
using schema::Json;
using schema::Result;

const schema::ErrorKind kBadEventText{"bad-event", schema::Fault::kUs,
                                      "an entry of the events log is no event"};

namespace {

constexpr schema::JsonLimits kLimits{.bytes = schema::limits::kEventBytes};

std::string Text(const Json& event, const char* name) {
  const auto member = event.find(name);
  return member != event.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::optional<std::uint64_t> Number(const Json& event, const char* name) {
  const auto member = event.find(name);
  if (member == event.end() || !member->is_number_unsigned()) return std::nullopt;
  return member->get<std::uint64_t>();
}

bool Flag(const Json& event, const char* name) {
  const auto member = event.find(name);
  return member != event.end() && member->is_boolean() && member->get<bool>();
}

}  // namespace

Result<EventFacts> ReadEvent(schema::BytesView entry) {
  const std::string_view text = schema::AsText(entry);
  const auto event = schema::ParseJson(text, kLimits);
  if (!event) return Error{&kBadEventText, event.error().detail};
  if (!event->is_object()) return Error{&kBadEventText, "not an object"};
  EventFacts facts;
  facts.type = Text(*event, "type");
  facts.time = Text(*event, "time");
  if (facts.type.empty() || facts.time.empty()) return Error{&kBadEventText, "no type or time"};
  facts.leaf_index = Number(*event, "leaf_index");
  facts.serial = Text(*event, "serial");
  facts.tbs_sha256 = Text(*event, "tbs_sha256");
  facts.issuing_key_sha256 = Text(*event, "issuing_key_sha256");
  facts.certificate_sha256 = Text(*event, "certificate_sha256");
  facts.policy_digest = Text(*event, "policy_digest");
  facts.issuers_digest = Text(*event, "issuers_digest");
  facts.shard = Text(*event, "shard");
  facts.log = Text(*event, "log");
  if (const auto before = event->find("before"); before != event->end() && before->is_object()) {
    facts.before_shard = Text(*before, "shard");
    facts.before_root_sha256 = Text(*before, "root_sha256");
    facts.before_size = Number(*before, "size");
  }
  facts.purpose = Text(*event, "purpose");
  facts.made = Number(*event, "made").value_or(0);
  facts.asked = Number(*event, "asked").value_or(0);
  facts.entered = Number(*event, "entered").value_or(0);
  facts.retried = Number(*event, "retried").value_or(0);
  facts.again = Number(*event, "again").value_or(0);
  facts.lost = Number(*event, "lost").value_or(0);
  facts.excess = Number(*event, "excess").value_or(0);
  facts.final = Flag(*event, "final");
  return facts;
}

}  // namespace ca::audit
