// The shards of both logs as they follow each other, by what the events say of them.
//
// A leaf index counts in the shard of certificates that the newest `log-shard-opened` event before
// it names, and in the first shard as long as there is none. An `unfinished` event of a shard that
// was closed by then names it itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ca/audit/event_facts.h"
#include "ca/audit/findings.h"
#include "schema/base/bytes.h"

namespace ca::audit {

struct Shard {
  std::string name;
  std::uint64_t size = 0;  // of its checkpoint
  schema::Hash root{};
  bool checked = true;  // its entries are looked at; of certificates
};

// For one thread. The entries of all shards of certificates that are checked stand in a row.
class Shards {
 public:
  // Each log's in the order they were opened, at least one. Finds:
  //   shard-differs  an event says another size or root of a closed shard than its checkpoint, or
  //                  names an entry that it does not have
  //   shard-missing  entries were made in a shard that is not among these
  Shards(std::vector<Shard> certificates, std::vector<Shard> events, Findings& findings)
      : certificates_(std::move(certificates)), events_(std::move(events)), findings_(findings) {}

  // Turns the event's leaf index into one of the row, at least size() where no checkpoint covers it
  // yet; takes it away (`elsewhere`) where its entry is not looked at. `where` names the event.
  void Place(const std::string& where, EventFacts& event);

  std::uint64_t size() const;  // of the row
  // The entry as findings name it: "certificates 7", of several shards "certificates/2026 7".
  std::string NameOf(std::uint64_t leaf) const;

 private:
  void Opened(const std::string& where, const EventFacts& event);
  void CheckClosed(const std::string& where, const EventFacts& event, const Shard& closed);

  const std::vector<Shard> certificates_, events_;
  Findings& findings_;
  std::size_t current_ = 0;  // of certificates_; their number: one that is not here
  bool placed_ = false;      // an event has named an entry
};

// What findings call a shard: the log's name alone where there is but one.
std::string ShardName(const std::string& log, const std::string& shard, std::size_t count);

}  // namespace ca::audit
