// Where the leaf index of an event counts, when a log has gone on in another shard.
#include "ca/audit/shards.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

namespace {

using ca::audit::EventFacts;
using ca::audit::Findings;
using ca::audit::Shard;
using ca::audit::Shards;

schema::Hash Root(std::uint8_t octet) {
  schema::Hash root{};
  root[0] = octet;
  return root;
}

const std::vector<Shard> kCertificates = {
    {"2025", 3, Root(1)}, {"2026", 0, Root(2)}, {"2027", 5, Root(3)}};
const std::vector<Shard> kEvents = {{"e1", 9, Root(4)}, {"e2", 2, Root(5)}};

EventFacts Opened(const std::string& log, const std::string& shard, const Shard& before) {
  EventFacts event;
  event.type = "log-shard-opened";
  event.log = log;
  event.shard = shard;
  event.before_shard = before.name;
  event.before_size = before.size;
  event.before_root_sha256 = schema::Hex(before.root);
  return event;
}

std::optional<std::uint64_t> Place(Shards& shards, std::uint64_t leaf,
                                   const std::string& shard = "") {
  EventFacts event;
  event.type = shard.empty() ? "granted" : "unfinished";
  event.leaf_index = leaf;
  event.shard = shard;
  shards.Place("events 7", event);
  return event.leaf_index;
}
void Open(Shards& shards, EventFacts event) { shards.Place("events 8", event); }

std::string Found(const Findings& findings) {
  std::string ids;
  for (const auto& finding : findings.kept()) ids += std::string(finding.id) + " ";
  return ids;
}

TEST_CASE("entries of all shards stand in a row") {
  Findings findings;
  Shards shards(kCertificates, kEvents, findings);
  CHECK_EQ(shards.size(), 8);
  CHECK_EQ(Place(shards, 2), 2);
  Open(shards, Opened("certificates", "2026", kCertificates[0]));
  Open(shards, Opened("certificates", "2026", kCertificates[0]));  // after a crash, again
  Open(shards, Opened("certificates", "2027", kCertificates[1]));
  CHECK_EQ(Place(shards, 0), 3);
  CHECK_EQ(Place(shards, 4), 7);
  CHECK_EQ(Place(shards, 5), 8);          // no checkpoint covers it yet
  CHECK_EQ(Place(shards, 1, "2025"), 1);  // closed by then
  Open(shards, Opened("events", "e2", kEvents[0]));
  CHECK_EQ(Place(shards, 1), 4);
  CHECK_EQ(Found(findings), "");
  CHECK_EQ(shards.NameOf(0), "certificates/2025 0");
  CHECK_EQ(shards.NameOf(4), "certificates/2027 1");
  CHECK_EQ(shards.NameOf(9), "certificates/2027 6");
}

TEST_CASE("of one shard nothing is changed") {
  Findings findings;
  Shards shards({kCertificates[0]}, {kEvents[0]}, findings);
  CHECK_EQ(Place(shards, 2), 2);
  CHECK_EQ(Place(shards, 100), 3);
  CHECK_EQ(shards.NameOf(2), "certificates 2");
  CHECK_EQ(Found(findings), "");
}

TEST_CASE("what is not looked at is passed over") {
  Findings findings;
  auto some = kCertificates;
  some[0].checked = false;
  Shards shards(some, kEvents, findings);
  CHECK_EQ(shards.size(), 5);
  CHECK_EQ(Place(shards, 2), std::nullopt);
  Open(shards, Opened("certificates", "2027", some[1]));
  CHECK_EQ(Place(shards, 2), 2);
  CHECK_EQ(shards.NameOf(2), "certificates/2027 2");
  CHECK_EQ(Found(findings), "");
}

TEST_CASE("what the events say of a closed shard and its checkpoint differ") {
  struct Case {
    const char* name;
    void (*change)(EventFacts& event);
  };
  const Case kCases[] = {
      {"its size", [](EventFacts& event) { event.before_size = 4; }},
      {"no size", [](EventFacts& event) { event.before_size.reset(); }},
      {"its root", [](EventFacts& event) { event.before_root_sha256[0] = 'f'; }},
  };
  for (const std::string log : {"certificates", "events"}) {
    for (const Case& c : kCases) {
      CAPTURE(log);
      CAPTURE(c.name);
      Findings findings;
      Shards shards(kCertificates, kEvents, findings);
      const bool certificates = log == "certificates";
      EventFacts event =
          Opened(log, certificates ? "2026" : "e2", certificates ? kCertificates[0] : kEvents[0]);
      c.change(event);
      Open(shards, event);
      CHECK_EQ(Found(findings), "shard-differs ");
    }
  }
  Findings findings;
  Shards shards(kCertificates, kEvents, findings);
  CHECK_EQ(Place(shards, 3), std::nullopt);  // the closed one has three
  CHECK_EQ(Found(findings), "shard-differs ");
}

TEST_CASE("a shard that is not there is missed") {
  Findings findings;
  Shards shards({kCertificates[2]}, kEvents, findings);
  SUBCASE("the one before") {
    CHECK_EQ(Place(shards, 0), 0);
    Open(shards, Opened("certificates", "2027", kCertificates[1]));
  }
  SUBCASE("the one behind") {
    Open(shards, Opened("certificates", "2028", kCertificates[2]));
    CHECK_EQ(Place(shards, 0), std::nullopt);
  }
  SUBCASE("one that an event names") { CHECK_EQ(Place(shards, 0, "2025"), std::nullopt); }
  CHECK_EQ(Found(findings), "shard-missing ");
}

}  // namespace
