// The events log against the certificates log, in the order both were written.
//
// Every entry has its `granted` event, in the order of the leaves, and comes to an end: `issued`
// with the digest of its certificate, or `unfinished` once its time has passed. Each grant rests on
// the policy and the issuers that were loaded last.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ca/audit/entry_check.h"
#include "ca/audit/event_facts.h"
#include "ca/audit/findings.h"
#include "schema/base/time.h"

namespace ca::audit {

class Reconciler {
 public:
  // Facts of the next entry of the certificates log, from 0 on, until there are `size`.
  using NextEntry = std::function<EntryFacts()>;

  // Finds:
  //   granted-missing    an entry without it, or out of the order of the leaves
  //   granted-twice
  //   granted-differs    serial, TBS or issuing key is not the entry's
  //   issued-differs     another certificate than the one stored
  //   certificate-missing  issued, but not stored
  //   issued-twice       or before it was granted
  //   outcome-missing    neither issued nor unfinished an hour after its end
  //   policy-differs     another policy or issuers file than the one loaded last
  //   time-falls         an event older than the one before it
  //   serial-twice
  //   signature-count    more certificates signed than were granted, retried or asked for again;
  //                      more issued than signed; more signatures of any purpose than asked for
  // `name_of` names an entry in findings.
  using NameOf = std::function<std::string(std::uint64_t leaf)>;
  Reconciler(std::uint64_t size, NextEntry next, Findings& findings, NameOf name_of);

  // `where` names the event in findings.
  void Event(const std::string& where, const EventFacts& event);
  // After the last event.
  void Finish();

  struct Counts {
    std::uint64_t granted = 0, issued = 0, unknown = 0;  // unknown: counts as issued
    std::uint64_t open = 0;    // not at their end when the events' checkpoint was signed
    std::uint64_t beyond = 0;  // events of entries that the certificates' checkpoint leaves out
    std::uint64_t others = 0;  // all other events
    std::uint64_t signature_counts = 0;  // of these, counts of signatures that were checked
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Open {
    std::optional<schema::Hash> certificate_sha256;
    schema::Time not_after;
    bool unfinished = false;
  };
  void Granted(const std::string& where, const EventFacts& event);
  void Ended(const std::string& where, const EventFacts& event);
  void Counted(const std::string& where, const EventFacts& event);
  EntryFacts Take();  // the facts of entry next_
  void FindTwins();

  const std::uint64_t size_;
  const NextEntry next_entry_;
  Findings& findings_;
  const NameOf name_of_;
  Counts counts_;
  std::uint64_t next_ = 0;               // leaf whose granted event comes next
  std::map<std::uint64_t, Open> open_;   // by leaf
  std::vector<std::uint64_t> serials_;   // their first 8 octets: all that is kept of every entry
  std::string policy_, issuers_, time_;  // of the newest event that says so
  // Since the newest `started`; issued_counted_: when signatures were counted last.
  std::uint64_t granted_in_run_ = 0, issued_in_run_ = 0, issued_counted_ = 0;
};

}  // namespace ca::audit
