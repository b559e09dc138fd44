// What an audit reads of an entry of the events log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca::audit {

extern const schema::ErrorKind kBadEventText;  // kUs: not an event

// Texts are empty where the event has no such member.
struct EventFacts {
  std::string type, time;  // RFC 3339
  std::optional<std::uint64_t> leaf_index;
  std::string serial, tbs_sha256, issuing_key_sha256, certificate_sha256;
  std::string policy_digest, issuers_digest;
  std::string shard;  // in which leaf_index counts, where the event says so; or that was opened
  bool elsewhere = false;  // its entry is not looked at (shards.h)
  // Of log-shard-opened: the log, and the shard before as it was closed.
  std::string log, before_shard, before_root_sha256;
  std::optional<std::uint64_t> before_size;
  // Of signatures-counted and signature-excess.
  std::string purpose;
  std::uint64_t made = 0, asked = 0, entered = 0, retried = 0, again = 0, lost = 0, excess = 0;
  bool final = false;  // no certificate is signed after it in this run
};

// Of one JSON object with texts `type` and `time` and no member twice. Safe on any bytes.
schema::Result<EventFacts> ReadEvent(schema::BytesView entry);

}  // namespace ca::audit
