// Reading: proofs, entries, events, search.
#include "ca/log/reader.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "ca/log/sqlite.h"
#include "ca/profile.h"
#include "schema/base/json.h"
#include "schema/log/leaf.h"
#include "schema/log/merkle.h"
#include "tests/ca/log/house.h"

namespace {

using ca::LogName;
using ca::Reader;
using ca::Search;
using log_test::House;

constexpr std::uint64_t kEntries = 600;  // more than two tiles of 256

// Made once: issuing so many takes a while.
House& Issued() {
  static House* const house = [] {
    auto* made = new House;
    MUST(made->Open());
    for (std::uint64_t i = 0; i < kEntries; ++i) {
      made->clock.Advance(std::chrono::milliseconds(100));
      const std::string san =
          "https://ci.example/team" + std::to_string(i % 7) + "/app" + std::to_string(i % 3);
      const auto receipt = made->log().Enter(made->MakeGrantFor(san));
      MUST(receipt);
      made->Finish(*receipt);
    }
    MUST(made->WaitPublished(kEntries));
    MUST(log_test::WaitFor([&] {
      return made->Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL") == kEntries;
    }));
    MUST(log_test::WaitFor([&] {
      const auto head = made->log().reader().LatestTreeHead(LogName::kEvents);
      return head && head->head.size == made->log().State().events_size;
    }));
    return made;
  }();
  return *house;
}

TEST_CASE("the store of many entries is whole") { CHECK_EQ(log_test::Inspect(Issued()), ""); }

TEST_CASE("inclusion proofs of random entries and sizes verify") {
  const Reader& reader = Issued().log().reader();
  std::mt19937 random(1);
  for (const LogName log : {LogName::kCertificates, LogName::kEvents}) {
    const auto head = reader.LatestTreeHead(log);
    REQUIRE(head);
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t index = random() % head->head.size;
      const auto proof = reader.InclusionProof(log, index, head->head.size);
      REQUIRE(proof);
      schema::Hash leaf;
      if (log == LogName::kCertificates) {
        leaf = schema::LeafHash(reader.Entry(index)->leaf);
        CHECK_EQ(*reader.FindLeaf(leaf), index);
      } else {
        leaf = schema::LeafHash(schema::AsBytes(reader.Events(index, index)->front()));
      }
      CHECK(schema::merkle::VerifyInclusion(leaf, index, head->head.size, *proof, head->head.root));
    }
  }
}

TEST_CASE("consistency proofs between random sizes verify") {
  const Reader& reader = Issued().log().reader();
  // Roots of smaller trees, from the leaves.
  std::vector<schema::Hash> roots{schema::merkle::EmptyRoot()};
  schema::merkle::Frontier frontier;
  std::vector<schema::merkle::Frontier::Stored> ignored;
  for (std::uint64_t i = 0; i < kEntries; ++i) {
    frontier.Append(schema::LeafHash(reader.Entry(i)->leaf), ignored);
    roots.push_back(frontier.Root());
  }
  std::mt19937 random(2);
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t second = 1 + random() % kEntries;
    const std::uint64_t first = random() % (second + 1);
    const auto proof = reader.ConsistencyProof(LogName::kCertificates, first, second);
    REQUIRE(proof);
    CHECK(schema::merkle::VerifyConsistency(first, roots[first], second, roots[second], *proof));
  }
}

TEST_CASE("ranges are clamped to the published tree") {
  struct Case {
    const char* name;
    std::uint64_t first, last;
    std::uint64_t count;  // 0: kBadRange
  };
  const Case kCases[] = {
      {"one", 3, 3, 1},
      {"some", 250, 260, 11},
      {"one past the end", 598, 600, 2},
      {"far past the end", 599, ~std::uint64_t{0}, 1},
      {"all", 0, ~std::uint64_t{0}, kEntries},
      {"from beyond", 600, 700, 0},
      {"backwards", 5, 4, 0},
      {"the largest number", ~std::uint64_t{0}, ~std::uint64_t{0}, 0},
  };
  const Reader& reader = Issued().log().reader();
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto entries = reader.Entries(c.first, c.last);
    CHECK_EQ(static_cast<bool>(entries), c.count > 0);
    if (!entries) {
      CHECK(entries.error().Is(ca::kBadRange));
      continue;
    }
    CHECK_EQ(entries->size(), c.count);
    CHECK_EQ(entries->front().index, c.first);
    for (const auto& entry : *entries) CHECK_FALSE(entry.precertificate.empty());
  }
  CHECK_FALSE(reader.Events(10000, 10001));
  CHECK_EQ(reader.Events(0, 4)->size(), 5);
}

TEST_CASE("entries that are not there") {
  const Reader& reader = Issued().log().reader();
  for (const std::uint64_t index :
       {kEntries, ca::kIndexMax, ca::kIndexMax + 1, (std::uint64_t{2} << 40), ~std::uint64_t{0}}) {
    CAPTURE(index);
    const auto entry = reader.Entry(index);
    REQUIRE_FALSE(entry);
    CHECK(entry.error().Is(ca::kNoSuchEntry));
    CHECK_FALSE(reader.EventsOf(index));
    CHECK_FALSE(reader.InclusionProof(LogName::kCertificates, index, kEntries));
    CHECK_FALSE(
        reader.InclusionProof(LogName::kCertificates, 0, index == kEntries ? kEntries + 1 : index));
  }
  CHECK_FALSE(reader.FindLeaf(log_test::HashOf("nothing")));
  CHECK_FALSE(reader.ConsistencyProof(LogName::kCertificates, 5, 4));
  CHECK_FALSE(reader.ConsistencyProof(LogName::kCertificates, 5, kEntries + 1));
}

TEST_CASE("the precertificate is the logged TBS with poison, signed by the issuing key") {
  House& house = Issued();
  for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{256}, kEntries - 1}) {
    const auto entry = house.log().reader().Entry(index);
    REQUIRE(entry);
    const auto leaf = schema::ParseLeaf(entry->leaf);
    REQUIRE(leaf);
    CHECK_EQ(leaf->index, index);
    CHECK_EQ(leaf->issuer_key_hash, house.chain.key_hash);
    const auto poisoned = ca::WithPoison(leaf->tbs.view());
    REQUIRE(poisoned);
    const std::uint8_t* p = entry->precertificate.view().data();
    schema::OwnedCert certificate(
        d2i_X509(nullptr, &p, static_cast<long>(entry->precertificate.size())));
    REQUIRE(certificate);
    CHECK_EQ(X509_verify(certificate.get(), house.custody.issuing_key()), 1);
    const schema::Bytes& der = entry->precertificate.bytes();
    CHECK(std::search(der.begin(), der.end(), poisoned->bytes().begin(), poisoned->bytes().end()) !=
          der.end());
  }
}

TEST_CASE("search") {
  const Reader& reader = Issued().log().reader();
  const std::string serial = reader.Find({})->front().serial;
  std::string colons;
  for (std::size_t i = 0; i < serial.size(); ++i) {
    if (i > 0 && i % 2 == 0) colons += ':';
    colons += static_cast<char>(std::toupper(serial[i]));
  }
  struct Case {
    const char* name;
    Search search;
    std::size_t count;
  };
  const auto with = [](auto member, std::string value) {
    Search search;
    search.*member = std::move(value);
    search.count_max = 1000;
    return search;
  };
  Search beyond = with(&Search::issuer, "https://token.example");
  beyond.since = support::FakeClock(Issued().clock.Now()).Now() + std::chrono::hours(1);
  Search early;
  early.until = reader.Find({})->front().logged - std::chrono::milliseconds(100 * (kEntries - 10));
  Search both = with(&Search::san, "https://ci.example/team1/*");
  both.subject = "subject";
  both.count_max = 5;
  const Case kCases[] = {
      {"everything, one page", {}, 100},
      {"issuer", with(&Search::issuer, "https://token.example"), kEntries},
      {"issuer in another case", with(&Search::issuer, "HTTPS://token.example"), 0},
      {"san, exact", with(&Search::san, "https://ci.example/team0/app0"), 29},
      {"san, prefix", with(&Search::san, "https://ci.example/team0/*"), 86},
      {"san, prefix of nothing", with(&Search::san, "https://ci.example/team8*"), 0},
      {"san, only a star", with(&Search::san, "*"), kEntries},
      {"percent is no wildcard", with(&Search::san, "https://ci.example/%"), 0},
      {"a quote", with(&Search::san, "' OR 1=1 --"), 0},
      {"serial", with(&Search::serial, serial), 1},
      {"serial as people write it", with(&Search::serial, "0x" + colons), 1},
      {"serial, prefix", with(&Search::serial, serial.substr(0, 30) + "*"), 1},
      {"subject", with(&Search::subject, "sub*"), kEntries},
      {"request", with(&Search::request_id, "request-nobody"), 0},
      {"since a time to come", beyond, 0},
      {"until", early, 10},
      {"several", both, 5},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto rows = reader.Find(c.search);
    REQUIRE(rows);
    CHECK_EQ(rows->size(), c.count);
    for (std::size_t i = 1; i < rows->size(); ++i) CHECK_LT((*rows)[i].index, (*rows)[i - 1].index);
    for (const auto& row : *rows) CHECK(row.certificate_stored);
  }
  CHECK_FALSE(reader.Find(with(&Search::san, "https://*/app")));
}

TEST_CASE("pages follow each other without gap or repeat") {
  const Reader& reader = Issued().log().reader();
  Search search;
  search.issuer = "https://token.example";
  search.count_max = 37;
  std::set<std::uint64_t> seen;
  while (true) {
    const auto rows = reader.Find(search);
    REQUIRE(rows);
    if (rows->empty()) break;
    for (const auto& row : *rows) CHECK(seen.insert(row.index).second);
    search.before = rows->back().index;
  }
  CHECK_EQ(seen.size(), kEntries);
}

TEST_CASE("a reader of another process reads beside the running log") {
  House& house = Issued();
  const auto reader = Reader::Open(house.config.state, "2026", "2026");
  REQUIRE(reader);
  CHECK_EQ((*reader)->LatestTreeHead(LogName::kCertificates)->head.size, kEntries);
  CHECK_FALSE(Reader::Open(house.config.state, "2027", "2026"));
  CHECK_FALSE(Reader::Open(house.config.state / "nowhere", "2026", "2026"));
}

TEST_CASE("many threads read at once") {
  const Reader& reader = Issued().log().reader();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 50; ++i) {
        const auto entry = reader.Entry((i * 7 + static_cast<std::uint64_t>(t)) % kEntries);
        if (entry && entry->certificate) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(good, 16 * 50);
}

}  // namespace
