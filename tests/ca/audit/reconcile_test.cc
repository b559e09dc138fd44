#include "ca/audit/reconcile.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

namespace {

using ca::audit::EntryFacts;
using ca::audit::EventFacts;
using ca::audit::Findings;
using ca::audit::Reconciler;

constexpr std::uint64_t kEntries = 3;

schema::Hash HashOf(std::uint64_t n) { return schema::Sha256(schema::AsBytes(std::to_string(n))); }
std::string Serial(std::uint64_t n) { return "11223344556677" + std::to_string(70 + n) + "aabb"; }

// Two logs that agree: three entries, the last without an outcome yet.
struct Story {
  std::vector<EntryFacts> entries;
  std::vector<EventFacts> events;

  Story() {
    for (std::uint64_t i = 0; i < kEntries; ++i) {
      EntryFacts entry;
      entry.serial = Serial(i);
      entry.tbs_sha256 = HashOf(i);
      entry.issuer_key_hash = HashOf(100);
      entry.not_after = schema::Time(std::chrono::seconds(600));
      if (i < 2) entry.certificate_sha256 = HashOf(200 + i);
      entries.push_back(entry);
    }
    Add("policy-loaded").policy_digest = "p1";
    Add("issuers-loaded").issuers_digest = "i1";
    Add("started");
    for (std::uint64_t i = 0; i < kEntries; ++i) {
      EventFacts& granted = Add("granted");
      granted.leaf_index = i;
      granted.serial = Serial(i);
      granted.tbs_sha256 = schema::Hex(HashOf(i));
      granted.issuing_key_sha256 = schema::Hex(HashOf(100));
      granted.policy_digest = "p1";
      granted.issuers_digest = "i1";
    }
    for (std::uint64_t i = 0; i < 2; ++i) {
      EventFacts& issued = Add("issued");
      issued.leaf_index = i;
      issued.certificate_sha256 = schema::Hex(HashOf(200 + i));
    }
    EventFacts& counted = Add("signatures-counted");
    counted.purpose = "certificate";
    counted.made = counted.asked = 3;
  }
  EventFacts& Add(const std::string& type) {
    EventFacts event;
    event.type = type;
    event.time = "1970-01-01T00:05:00.000Z";
    events.push_back(event);
    return events.back();
  }
  // Positions in `events`.
  static constexpr std::size_t kPolicy = 0, kGranted = 3, kIssued = 6, kCounted = 8;
};

Findings Run(const Story& story, Reconciler::Counts* counts = nullptr) {
  Findings findings;
  std::size_t next = 0;
  Reconciler reconciler(
      story.entries.size(), [&] { return story.entries[next++]; }, findings,
      [](std::uint64_t leaf) { return "certificates " + std::to_string(leaf); });
  for (std::size_t i = 0; i < story.events.size(); ++i)
    reconciler.Event("events " + std::to_string(i), story.events[i]);
  reconciler.Finish();
  CHECK_EQ(next, story.entries.size());
  if (counts != nullptr) *counts = reconciler.counts();
  return findings;
}

TEST_CASE("two logs that agree") {
  Reconciler::Counts counts;
  CHECK(Run(Story(), &counts).empty());
  CHECK_EQ(counts.granted, 3);
  CHECK_EQ(counts.issued, 2);
  CHECK_EQ(counts.open, 1);
  CHECK_EQ(counts.unknown, 0);
  CHECK_EQ(counts.others, 4);
  CHECK_EQ(counts.signature_counts, 1);
}

TEST_CASE("what does not agree is found") {
  const struct {
    const char* name;
    const char* id;
    std::string where;
    std::function<void(Story&)> change;
  } kCases[] = {
      {"an entry that nobody granted", "granted-missing", "certificates 1",
       [](Story& s) { s.events.erase(s.events.begin() + Story::kGranted + 1); }},
      {"the last entry was not granted", "granted-missing", "certificates 2",
       [](Story& s) {
         s.events.erase(s.events.begin() + Story::kGranted + 2);
         s.events.back().made = 2;
       }},
      {"granted twice", "granted-twice", "events 6",
       [](Story& s) {
         s.events.insert(s.events.begin() + Story::kGranted + 3, s.events[Story::kGranted]);
       }},
      {"another serial", "granted-differs", "events 4",
       [](Story& s) { s.events[Story::kGranted + 1].serial = Serial(2); }},
      {"another TBS", "granted-differs", "events 4",
       [](Story& s) { s.entries[1].tbs_sha256 = HashOf(9); }},
      {"another issuing key", "granted-differs", "events 3",
       [](Story& s) { s.events[Story::kGranted].issuing_key_sha256 = schema::Hex(HashOf(9)); }},
      {"another certificate", "issued-differs", "events 7",
       [](Story& s) { s.entries[1].certificate_sha256 = HashOf(9); }},
      {"a certificate that is not stored", "certificate-missing", "certificates 1",
       [](Story& s) { s.entries[1].certificate_sha256.reset(); }},
      {"issued twice", "issued-twice", "events 8",
       [](Story& s) {
         s.events.insert(s.events.begin() + Story::kIssued + 2, s.events[Story::kIssued]);
       }},
      {"issued before it was granted", "issued-twice", "events 3",
       [](Story& s) {
         s.events.insert(s.events.begin() + Story::kGranted, s.events[Story::kIssued]);
         s.events.erase(s.events.begin() + Story::kIssued + 1);
       }},
      {"no outcome when its time has passed", "outcome-missing", "certificates 2",
       [](Story& s) { s.Add("stopped").time = "1970-01-01T01:10:01.000Z"; }},
      {"a policy that was not loaded", "policy-differs", "events 5",
       [](Story& s) { s.events[Story::kGranted + 2].policy_digest = "p2"; }},
      {"an older policy", "policy-differs", "events 6",
       [](Story& s) {
         EventFacts loaded = s.events[Story::kPolicy];
         loaded.policy_digest = "p2";
         s.events.insert(s.events.begin() + Story::kGranted + 2, loaded);
       }},
      {"issuers that were not loaded", "policy-differs", "events 3",
       [](Story& s) { s.events[Story::kGranted].issuers_digest = ""; }},
      {"a time that falls", "time-falls", "events 4",
       [](Story& s) { s.events[Story::kGranted + 1].time = "1970-01-01T00:04:59.999Z"; }},
      {"a serial that repeats", "serial-twice", "certificates",
       [](Story& s) { s.entries[1].serial = s.events[Story::kGranted + 1].serial = Serial(0); }},
      {"one signature too many", "signature-count", "events 8",
       [](Story& s) { s.events[Story::kCounted].made = s.events[Story::kCounted].asked = 4; }},
      {"one that only a lost signer would explain", "signature-count", "events 8",
       [](Story& s) {
         s.events[Story::kCounted].made = s.events[Story::kCounted].asked = 4;
         s.events[Story::kCounted].lost = 1;
       }},
      {"one that was not asked for", "signature-count", "events 8",
       [](Story& s) { s.events[Story::kCounted].asked = 2; }},
      {"one of another purpose", "signature-count", "events 9",
       [](Story& s) {
         EventFacts& counted = s.Add("signatures-counted");
         counted.purpose = "sct";
         counted.made = 5;
         counted.asked = 4;
       }},
      {"leave to sign without a grant", "signature-count", "events 8",
       [](Story& s) { s.events[Story::kCounted].entered = 4; }},
      {"the server's own alarm", "signature-count", "events 9",
       [](Story& s) { s.Add("signature-excess").excess = 1; }},
      {"issued without having been signed, at the end", "signature-count", "events 8",
       [](Story& s) {
         s.events[Story::kCounted].made = 1;
         s.events[Story::kCounted].final = true;
       }},
      {"issued without having been signed", "signature-count", "events 9",
       [](Story& s) {
         s.events.push_back(s.events[Story::kCounted]);
         s.events.back().made = 1;
       }},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    Story story;
    c.change(story);
    const Findings findings = Run(story);
    REQUIRE_FALSE(findings.empty());
    CHECK_EQ(findings.kept().front().id, c.id);
    CHECK_EQ(findings.kept().front().where, c.where);
  }
}

TEST_CASE("what a log may come to is no finding") {
  const struct {
    const char* name;
    std::function<void(Story&)> change;
    std::uint64_t issued, unknown, open, beyond;
  } kCases[] = {
      {"an outcome that stays unknown",
       [](Story& s) {
         s.Add("unfinished").leaf_index = 2;
         s.Add("stopped").time = "1970-01-01T09:00:00.000Z";
       },
       2, 1, 0, 0},
      {"a certificate that came after its time",
       [](Story& s) {
         s.Add("unfinished").leaf_index = 2;
         s.entries[2].certificate_sha256 = HashOf(202);
         EventFacts& issued = s.Add("issued");
         issued.leaf_index = 2;
         issued.certificate_sha256 = schema::Hex(HashOf(202));
       },
       3, 0, 0, 0},
      {"a certificate stored after the events' checkpoint",
       [](Story& s) { s.entries[2].certificate_sha256 = HashOf(202); }, 2, 0, 1, 0},
      {"entries behind the certificates' checkpoint", [](Story& s) { s.entries.pop_back(); }, 2, 0,
       0, 1},
      {"a signature that was made again",
       [](Story& s) {
         s.events[Story::kCounted].made = s.events[Story::kCounted].asked = 5;
         s.events[Story::kCounted].again = 1;
         s.events[Story::kCounted].retried = 1;
       },
       2, 0, 1, 0},
      {"a signature that a lost signer made and did not count",
       [](Story& s) {
         s.events[Story::kCounted].made = 1;
         s.events[Story::kCounted].lost = 1;
         s.events[Story::kCounted].final = true;
       },
       2, 0, 1, 0},
      {"issued after the counts were read", [](Story& s) { s.events[Story::kCounted].made = 1; }, 2,
       0, 1, 0},
      {"a serial that starts with zeros",
       [](Story& s) { s.events[Story::kGranted].serial.insert(0, "0000"); }, 2, 0, 1, 0},
      {"counts start anew with each run",
       [](Story& s) {
         s.Add("started");
         EventFacts& counted = s.Add("signatures-counted");
         counted.purpose = "certificate";
       },
       2, 0, 1, 0},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    Story story;
    c.change(story);
    Reconciler::Counts counts;
    const Findings findings = Run(story, &counts);
    for (const auto& finding : findings.kept()) {
      CAPTURE(finding.detail);
      CHECK_EQ(finding.id, "");
    }
    CHECK_EQ(counts.issued, c.issued);
    CHECK_EQ(counts.unknown, c.unknown);
    CHECK_EQ(counts.open, c.open);
    CHECK_EQ(counts.beyond, c.beyond);
  }
}

}  // namespace
