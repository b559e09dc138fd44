// Entries that are durable but not done: their precertificate or their certificate is not stored
// yet.
//
// What a checkpoint may cover is read from here: everything below the first entry without a stored
// precertificate. Thread-safe; its size is bounded by log.precertificate-backlog.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "ca/log/event.h"
#include "schema/base/bytes.h"
#include "schema/base/time.h"
#include "schema/log/sct.h"

namespace ca {

class Pending {
 public:
  struct Entry {
    std::uint64_t index;
    schema::TbsDer tbs;
    std::optional<schema::CertDer> certificate;  // stored already, its precertificate is not
  };
  // What a retry can be told without asking the store.
  struct Known {
    schema::TbsDer tbs;
    std::optional<schema::Sct> sct;
    std::optional<schema::CertDer> certificate;
  };
  struct Work {
    std::uint64_t index;
    schema::TbsDer tbs;  // empty: the precertificate is stored
    std::optional<schema::CertDer> certificate;
    std::optional<EventText> issued;  // its event; none without certificate
  };
  struct Covered {
    std::uint64_t size;
    schema::TimeMs time;  // not before the timestamp of any entry covered
  };

  // These entries became durable; the log now has `size` entries, the newest of `time`.
  void Enter(std::vector<Entry> entries, std::uint64_t size, schema::TimeMs time);
  // The same of entries found in the store, whose certificates nobody is about to make.
  void TakeUp(std::vector<Entry> entries, std::uint64_t size, schema::TimeMs time);
  void SetSct(std::uint64_t index, const schema::Sct& sct);
  std::optional<Known> Find(std::uint64_t index) const;

  // Keeps the first certificate of an entry and returns the one kept; nothing when it is not here.
  std::optional<schema::CertDer> Finish(std::uint64_t index, const schema::CertDer& certificate,
                                        const EventText& issued);
  // For an entry that left with its precertificate stored and whose certificate comes late.
  void FinishLate(std::uint64_t index, const schema::CertDer& certificate, const EventText& issued);

  // At most `count_max` entries to work on: those with a certificate, then those that wait for one
  // for longer than kGrace. They are not taken again until PutBack.
  std::vector<Work> Take(std::size_t count_max, schema::Steady::time_point now);
  void PutBack(const std::vector<Work>& works);
  // Both parts, or the one that is not null, are stored.
  void Stored(std::uint64_t index, bool certificate, bool precertificate);

  Covered Cover() const;
  std::size_t Waiting() const;  // entries without a stored precertificate
  // Since when the oldest of them waits.
  std::optional<schema::Steady::time_point> OldestSince() const;
  // Whether any entry here, taken or not, has a certificate to be stored.
  bool Holds(std::uint64_t index) const;

  // How long a precertificate waits for the certificate of its entry, which goes before it.
  static constexpr std::chrono::milliseconds kGrace{300};

 private:
  struct Item {
    schema::TbsDer tbs;
    schema::Steady::time_point since;
    std::optional<schema::Sct> sct;
    std::optional<schema::CertDer> certificate;
    std::optional<EventText> issued;
    bool certificate_stored = false;
    bool precertificate_stored = false;
    bool taken = false;
  };
  void Add(std::vector<Entry> entries, std::deque<std::uint64_t>& queue);
  std::optional<Work> TakeOne(std::uint64_t index);

  mutable std::mutex mutex_;
  std::map<std::uint64_t, Item> items_;
  std::set<std::uint64_t> unsigned_;
  std::deque<std::uint64_t> finished_;  // to be taken now; may name entries that left
  std::deque<std::uint64_t> entered_;   // to be taken after kGrace; likewise
  std::uint64_t size_ = 0;
  schema::TimeMs time_{};
};

}  // namespace ca
