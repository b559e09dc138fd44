// Sends each checkpoint away as it is published: to a file, to syslog, to a URL.
//
// A record is one line of JSON, the same everywhere: "certificates" and "events", the newest
// checkpoint of each log as a signed note, and "time" (RFC 3339), when it was published.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ca/log/newest.h"
#include "ca/log/watch_state.h"
#include "schema/base/journal.h"
#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/base/send.h"
#include "schema/base/time.h"
#include "schema/watcher_settings.h"

namespace ca {

extern const schema::ErrorKind kNotShipped;  // kBusy: the place did not take the record

// An empty checkpoint is left out. Ends with a newline.
std::string ShippedRecord(std::string_view certificates, std::string_view events,
                          schema::TimeMs time);
// The checkpoints of the newest record in `lines`; nothing when no whole line is a record. Safe on
// any bytes.
std::vector<std::string> NewestIn(std::string_view lines);

// What a place has kept: the end of the file, or what the URL answers to GET. Empty for syslog.
// kNotOurs (past.h) when there is none, kFetchFailed, kFileUnreadable. `sender` is for URLs.
schema::Result<std::vector<std::string>> NewestShipped(const schema::ShipSettings& place,
                                                       schema::Sender* sender);

struct ShippingParts {
  std::vector<schema::ShipSettings> places;
  schema::Sender* sender;                  // for URLs
  std::function<void(schema::Json)> note;  // enters an event, on any thread
  schema::Journal& journal;
};

// One thread for each place, so that one that hangs delays no other. A place gets the newest
// record, again and again until it has taken it or there is a newer one. What it missed meanwhile
// is not sent later: the newest checkpoint stands for all before it, and proves nothing less (the
// trees only grow). Events, once for each change:
//   shipping-failed     to, reason
//   shipping-recovered  to, missed: records between the last one that it took before and this one
class Shipping {
 public:
  explicit Shipping(ShippingParts parts);
  ~Shipping();  // sends what waits

  // Does not block. For one thread.
  void Ship(const std::string& record);
  std::vector<ShipState> Look() const;

 private:
  struct Record {
    std::uint64_t number;  // from 1 on
    std::string text;
  };
  schema::Outcome Send(const schema::ShipSettings& place, const std::string& text);
  bool Settle(std::size_t place, const Record& record, const schema::Outcome& outcome);

  const ShippingParts parts_;
  mutable std::mutex mutex_;
  std::vector<ShipState> states_;     // guarded by mutex_
  std::uint64_t given_ = 0;           // of whoever ships
  std::vector<std::uint64_t> taken_;  // the last record that a place took; each of its thread
  std::vector<std::unique_ptr<Newest<Record>>> workers_;
};

}  // namespace ca
