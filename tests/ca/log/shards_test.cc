// A new key opens a new shard: what the one before it has promised holds.
#include <doctest/doctest.h>

#include <algorithm>

#include "ca/log/issuers.h"
#include "ca/log/rows.h"
#include "ca/log/sct_of.h"
#include "ca/log/sqlite.h"
#include "ca/log/stored_keys.h"
#include "ca/trust.h"
#include "schema/base/base64.h"
#include "schema/log/issued.h"
#include "schema/log/leaf.h"
#include "schema/log/merkle.h"
#include "schema/log/tile.h"
#include "tests/ca/log/shards.h"

namespace {

using ca::LogName;
using log_test::Detail;
using log_test::House;
using log_test::MoveOn;
using log_test::ReaderOf;
using schema::tile::Kind;

TEST_CASE("a token spent in one shard is spent in those that follow") {
  House house;
  REQUIRE(house.Open());
  const auto first = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE(first);
  const schema::CertDer certificate = house.Finish(*first);
  REQUIRE(house.WaitPublished(1));
  const schema::Hash log_id = house.log().keys().log_id;
  MoveOn(house, "2027");
  const auto opened = house.Open();
  REQUIRE_MESSAGE(opened, Detail(opened));
  REQUIRE_NE(house.log().keys().log_id, log_id);

  // The new key signs nothing for an entry of another tree.
  const auto signatures = house.custody.Count(hsm::Purpose::kSct);
  for (int i = 0; i < 2; ++i) {
    const auto again = house.log().Enter(house.MakeGrant("t", "k"));
    REQUIRE(again);
    CHECK(again->retry());
    CHECK_EQ(again->certificate(), certificate);
    CHECK_EQ(again->sct().log_id, log_id);
    CHECK(schema::Equal(again->tbs(), first->tbs()));
    REQUIRE(house.Issue("other" + std::to_string(i)));  // an entry with the index of the old one
  }
  CHECK_EQ(house.custody.Count(hsm::Purpose::kSct), signatures + 2);
  const auto replay = house.log().Enter(house.MakeGrant("t", "another key"));
  REQUIRE_FALSE(replay);
  CHECK(replay.error().Is(ca::kTokenSpent));
  REQUIRE(house.WaitPublished(2));
  CHECK_EQ(log_test::Inspect(house), "");

  house.clock.Advance(std::chrono::minutes(11));
  const auto ended = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE_FALSE(ended);
  CHECK(ended.error().Is(ca::kTokenSpent));
}

TEST_CASE("a budget and what was seen go on") {
  House house;
  REQUIRE(house.Open());
  const auto enter = [&house] {
    ca::Grant grant = house.MakeGrant();
    grant.budgets = {{log_test::HashOf("bucket"), 2, std::chrono::hours(1), "per-run: 2"}};
    grant.traits = {{ca::TraitKind::kRepository, "r", ""}};
    auto receipt = house.log().Enter(std::move(grant));
    if (receipt) house.Finish(*receipt);
    return receipt;
  };
  REQUIRE(enter());
  REQUIRE(house.WaitPublished(1));
  MoveOn(house, "2027");
  REQUIRE(house.Open());
  REQUIRE(enter());
  const auto exhausted = enter();
  REQUIRE_FALSE(exhausted);
  CHECK(exhausted.error().Is(ca::kBudgetExhausted));
  const auto events = house.Events();
  CHECK_EQ(std::ranges::count(events, "first-seen", [](const auto& e) { return e["type"]; }), 0);
  CHECK_EQ(std::ranges::count(events, "budget-reached", [](const auto& e) { return e["type"]; }),
           1);
}

TEST_CASE("a closed shard is served as it was, and bound to the one behind it") {
  House house;
  REQUIRE(house.Open());
  for (int i = 0; i < 3; ++i) REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(3));
  const auto old_key = house.log().keys().log_key;
  house.Close();
  const auto size = [&](const char* log) {
    return static_cast<std::uint64_t>(house.Ask(
        std::string("SELECT size FROM tail WHERE shard IN (SELECT id FROM shard WHERE log='") +
        log + "' AND name='2026')"));
  };
  const std::uint64_t events = size("events");
  MoveOn(house, "2027");
  house.clock.Advance(std::chrono::seconds(5));
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(1));

  // Stopping has published all of it.
  const ca::Reader& old = ReaderOf(house, LogName::kCertificates, "2026");
  const auto head = old.LatestTreeHead(LogName::kCertificates);
  REQUIRE(head);
  CHECK_EQ(head->head.size, 3);
  const auto key = support::KeyFromSpki(old_key.view());
  CHECK(support::VerifyWith(
      key.get(), schema::TreeHeadInput(head->head.timestamp, head->head.size, head->head.root),
      head->signature.view()));
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto entry = old.Entry(i);
    REQUIRE(entry);
    const schema::Hash leaf = schema::LeafHash(entry->leaf);
    CHECK_EQ(*old.FindLeaf(leaf), i);
    CHECK_FALSE(house.log().reader().FindLeaf(leaf));
    const auto proof = old.InclusionProof(LogName::kCertificates, i, 3);
    REQUIRE(proof);
    CHECK(schema::merkle::VerifyInclusion(leaf, i, 3, *proof, head->head.root));
    const auto told = old.EventsOf(i);
    REQUIRE(told);
    REQUIRE_EQ(told->size(), 2);
    CHECK_NE(told->front().find("\"granted\""), std::string::npos);
  }
  CHECK_EQ(house.log().reader().EventsOf(0)->size(), 2);
  const ca::Reader& old_events = ReaderOf(house, LogName::kEvents, "2026");
  CHECK_EQ(old_events.LatestTreeHead(LogName::kEvents)->head.size, events);
  CHECK_EQ(old_events.Events(0, events - 1)->size(), events);

  const auto told = house.Events();
  REQUIRE_GE(told.size(), 2);
  CHECK_EQ(told[0]["type"], "log-shard-opened");
  CHECK_EQ(told[0]["log"], "events");
  CHECK_EQ(told[0]["before"]["size"], events);
  CHECK_EQ(told[1]["type"], "log-shard-opened");
  CHECK_EQ(told[1]["log"], "certificates");
  CHECK_EQ(told[1]["before"]["size"], 3);
  CHECK_EQ(told[1]["before"]["root_sha256"], schema::Hex(head->head.root));
  CHECK_EQ(log_test::Inspect(house), "");
}

// The leaves of the one data tile, each with the issuing CA above it.
std::vector<schema::Hash> LeavesOf(const ca::Reader& reader, unsigned count) {
  const auto bytes = reader.ReadTile(LogName::kCertificates, {Kind::kData, 0, 0, count});
  MUST(bytes);
  const auto leaves = schema::tile::ParseDataTile(*bytes);
  MUST(leaves && leaves->size() == count);
  const auto issuers = reader.ReadIssuers();
  MUST(issuers);
  std::vector<schema::Hash> hashes;
  for (const auto& leaf : *leaves) {
    MUST(!leaf.chain.empty());
    for (const schema::Hash& fingerprint : leaf.chain) MUST(issuers->Find(fingerprint) != nullptr);
    hashes.push_back(schema::LeafHash(leaf.leaf));
  }
  return hashes;
}

TEST_CASE("tiles are of one shard, and those of a closed one stay") {
  House house;
  REQUIRE(house.Open());
  for (int i = 0; i < 3; ++i) REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(3));
  const auto read = [&](const std::string& shard, LogName log, Kind kind, unsigned width) {
    const auto bytes = ReaderOf(house, log, shard).ReadTile(log, {kind, 0, 0, width});
    REQUIRE_MESSAGE(bytes, (bytes ? "" : bytes.error().Describe()));
    return *bytes;
  };
  const auto data = read("2026", LogName::kCertificates, Kind::kData, 3);
  const auto names = read("2026", LogName::kCertificates, Kind::kNames, 3);
  const auto hashes = read("2026", LogName::kCertificates, Kind::kHashes, 3);
  const auto events = read("2026", LogName::kEvents, Kind::kEntries, 4);
  MoveOn(house, "2027");
  // The chain above the entries of the new shard is another, of the same key: renewed.
  house.chain.certificates.push_back(house.chain.certificates.back());
  REQUIRE(house.Open());
  for (int i = 0; i < 3; ++i) REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(3));
  CHECK_EQ(read("2026", LogName::kCertificates, Kind::kData, 3), data);
  CHECK_EQ(read("2026", LogName::kCertificates, Kind::kNames, 3), names);
  CHECK_EQ(read("2026", LogName::kCertificates, Kind::kHashes, 3), hashes);
  CHECK_EQ(read("2026", LogName::kEvents, Kind::kEntries, 4), events);
  for (const std::string shard : {"2026", "2027"}) {
    CAPTURE(shard);
    const ca::Reader& reader = ReaderOf(house, LogName::kCertificates, shard);
    const auto leaves = LeavesOf(reader, 3);
    schema::merkle::Frontier tree;
    std::vector<schema::merkle::Frontier::Stored> stored;
    for (const schema::Hash& leaf : leaves) tree.Append(leaf, stored);
    CHECK_EQ(tree.Root(), reader.LatestTreeHead(LogName::kCertificates)->head.root);
    const auto issued = reader.ReadIssued({Kind::kData, 0, 0, 3});
    REQUIRE(issued);
    CHECK_EQ(schema::ParseIssued(*issued)->size(), 3);
  }
  const auto chain = [&](const std::string& shard) {
    const auto bytes = read(shard, LogName::kCertificates, Kind::kData, 3);
    return schema::tile::ParseDataTile(bytes)->front().chain.size();
  };
  CHECK_EQ(chain("2027"), chain("2026") + 1);
}

TEST_CASE("a search goes on in the shards before") {
  House house;
  REQUIRE(house.Open());
  for (int i = 0; i < 3; ++i) REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(3));
  MoveOn(house, "2027");
  REQUIRE(house.Open());
  for (int i = 0; i < 2; ++i) REQUIRE(house.Issue());
  const auto find = [&](const std::string& shard, std::optional<std::uint64_t> before) {
    ca::Search search;
    search.before = before;
    std::string found;
    const auto rows = ReaderOf(house, LogName::kCertificates, shard).Find(search);
    MUST(rows);
    for (const auto& row : *rows) found += row.shard + "/" + std::to_string(row.index) + " ";
    return found;
  };
  CHECK_EQ(find("2027", {}), "2027/1 2027/0 2026/2 2026/1 2026/0 ");
  CHECK_EQ(find("2027", 1), "2027/0 2026/2 2026/1 2026/0 ");
  CHECK_EQ(find("2027", 0), "2026/2 2026/1 2026/0 ");
  CHECK_EQ(find("2026", {}), "2026/2 2026/1 2026/0 ");
  CHECK_EQ(find("2026", 1), "2026/0 ");
}

TEST_CASE("what was not finished before its shard was closed never is, and is told") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.log().Enter(house.MakeGrant("t", "k")));
  REQUIRE(house.WaitPublished(1));  // the precertificate does not wait for ever
  MoveOn(house, "2027");
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  const auto retry = house.log().Enter(house.MakeGrant("t", "k"));
  REQUIRE_FALSE(retry);
  CHECK(retry.error().Is(ca::kTokenSpent));
  house.clock.Advance(std::chrono::minutes(11));
  for (int start = 0; start < 2; ++start) {
    REQUIRE(house.Open());
    const auto events = house.Events();
    const auto unfinished =
        std::ranges::find(events, "unfinished", [](const auto& e) { return e["type"]; });
    REQUIRE_NE(unfinished, events.end());
    CHECK_EQ((*unfinished)["shard"], "2026");
    CHECK_EQ((*unfinished)["leaf_index"], 0);
    CHECK_EQ(std::ranges::count(events, "unfinished", [](const auto& e) { return e["type"]; }), 1);
  }
  CHECK_EQ(ReaderOf(house, LogName::kCertificates, "2026").EventsOf(0)->size(), 2);
}

TEST_CASE("one log moves on without the other") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(1));
  SUBCASE("certificates") {
    house.Close();
    house.custody.ChangeCertificatesLogKeys();
    house.config.log.certificates.shard = "2027";
    house.config.log.certificates.origin = "ca.example.org/2027";
  }
  SUBCASE("events") {
    house.Close();
    house.custody.ChangeEventsLogKey();
    house.config.log.events.shard = "2027";
    house.config.log.events.origin = "ca.example.org/events/2027";
  }
  const auto opened = house.Open();
  REQUIRE_MESSAGE(opened, Detail(opened));
  CHECK_EQ(house.log().shards().size(), 3);
  REQUIRE(house.Issue());
  REQUIRE(house.Open());  // and again
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("what cannot follow") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  SUBCASE("a shard that was there before") {
    REQUIRE(house.WaitPublished(1));
    MoveOn(house, "2027");
    REQUIRE(house.Open());
    MoveOn(house, "2026");
    house.config.log.certificates.origin = house.config.log.events.origin = "x.example";
    const auto back = house.Open();
    CHECK_NE(Detail(back).find("shard 2026 is closed"), std::string::npos);
  }
  SUBCASE("one of which a checkpoint is missing") {
    house.custody.Fail(hsm::Purpose::kTreeHead, hsm::kSignerUnavailable);
    REQUIRE(house.Issue());
    MoveOn(house, "2027");
    house.custody.Fail(hsm::Purpose::kTreeHead, hsm::kSignerUnavailable, 0);
    const auto early = house.Open();
    REQUIRE_FALSE(early);
    CHECK(early.error().Is(ca::kBadState));
    CHECK_NE(Detail(early).find("no checkpoint covers all 2 entries of shard 2026"),
             std::string::npos);
    CHECK_EQ(house.Ask("SELECT count(*) FROM shard"), 2);
  }
}

TEST_CASE("trust documents hold the keys of closed shards for as long as they signed") {
  House house;
  REQUIRE(house.Open());
  const auto issued = house.log().Enter(house.MakeGrant());
  REQUIRE(issued);
  house.Finish(*issued);
  REQUIRE(house.WaitPublished(1));
  const auto old_id = house.log().keys().log_id;
  MoveOn(house, "2027");
  house.clock.Advance(std::chrono::hours(1));
  REQUIRE(house.Open());
  house.config.public_url = "https://ca.example.org";
  const auto cas = ca::IssuingCas::Of(house.chain);
  REQUIRE(cas);
  const auto root = schema::Json::parse(ca::TrustedRoot(house.config, *cas, house.log().keys()));
  REQUIRE_EQ(root["ctlogs"].size(), 2);
  const auto &old = root["ctlogs"][0], &written = root["ctlogs"][1];
  CHECK_EQ(old["logId"]["keyId"], schema::Base64(old_id));
  CHECK_EQ(old["baseUrl"], "https://ca.example.org/log/certificates/2026");
  const std::string end = old["publicKey"]["validFor"]["end"];
  CHECK_LT(schema::Rfc3339(issued->sct().timestamp), end);
  CHECK_EQ(end,
           schema::Rfc3339(schema::ToSeconds(house.log().keys().since) + std::chrono::seconds(1)));
  CHECK_EQ(written["logId"]["keyId"], schema::Base64(house.log().keys().log_id));
  CHECK_FALSE(written["publicKey"]["validFor"].contains("end"));
  const auto stored = ca::StoredLogKeys(house.config);
  REQUIRE(stored);
  CHECK_EQ(schema::Json::parse(ca::TrustedRoot(house.config, *cas, *stored)), root);
  CHECK_EQ(ca::StoredLogKeys(house.config, "2026")->log_id, old_id);
}

}  // namespace
