#include "ca/log/pending.h"

#include <doctest/doctest.h>

#include "tests/ca/log/house.h"

namespace {

using ca::Pending;
using schema::CertDer;
using schema::Steady;
using schema::TbsDer;

constexpr schema::TimeMs kTime{std::chrono::milliseconds(1000)};

Pending::Entry Entry(std::uint64_t index) { return {index, TbsDer({1, 2, 3}), std::nullopt}; }
CertDer Cert(std::uint8_t n) { return CertDer({n}); }

ca::EventText Issued() { return log_test::Event({{"type", "issued"}}); }

TEST_CASE("a checkpoint covers up to the first entry without precertificate") {
  Pending pending;
  CHECK_EQ(pending.Cover().size, 0);
  pending.Enter({Entry(0), Entry(1), Entry(2)}, 3, kTime);
  CHECK_EQ(pending.Cover().size, 0);
  pending.Stored(1, false, true);
  CHECK_EQ(pending.Cover().size, 0);
  pending.Stored(0, false, true);
  CHECK_EQ(pending.Cover().size, 2);
  pending.Stored(2, true, false);
  CHECK_EQ(pending.Cover().size, 2);
  pending.Stored(2, false, true);
  CHECK_EQ(pending.Cover().size, 3);
  CHECK_EQ(pending.Cover().time, kTime);
  CHECK_EQ(pending.Waiting(), 0);
}

TEST_CASE("finished entries are taken at once, others after a grace") {
  Pending pending;
  pending.Enter({Entry(0), Entry(1)}, 2, kTime);
  CHECK(pending.Take(16, Steady::now()).empty());
  CHECK(pending.Finish(1, Cert(7), Issued()));
  const auto first = pending.Take(16, Steady::now());
  REQUIRE_EQ(first.size(), 1);
  CHECK_EQ(first[0].index, 1);
  CHECK_EQ(first[0].certificate->bytes()[0], 7);
  const auto late = pending.Take(16, Steady::now() + Pending::kGrace);
  REQUIRE_EQ(late.size(), 1);
  CHECK_EQ(late[0].index, 0);
  CHECK_FALSE(late[0].certificate);
  CHECK_FALSE(late[0].tbs.empty());
}

TEST_CASE("entries found in the store need no grace") {
  Pending pending;
  pending.TakeUp({Entry(4), Entry(5)}, 9, kTime);
  CHECK_EQ(pending.Take(1, Steady::now()).size(), 1);
  CHECK_EQ(pending.Take(16, Steady::now()).size(), 1);
  CHECK_EQ(pending.Cover().size, 4);
}

TEST_CASE("the first certificate of an entry is kept") {
  Pending pending;
  pending.Enter({Entry(0)}, 1, kTime);
  CHECK_EQ(pending.Finish(0, Cert(1), Issued())->bytes()[0], 1);
  CHECK_EQ(pending.Finish(0, Cert(2), Issued())->bytes()[0], 1);
  CHECK_EQ(pending.Find(0)->certificate->bytes()[0], 1);
  CHECK_FALSE(pending.Finish(9, Cert(1), Issued()));
  pending.FinishLate(9, Cert(3), Issued());
  pending.FinishLate(9, Cert(4), Issued());
  CHECK_EQ(pending.Finish(9, Cert(5), Issued())->bytes()[0], 3);
}

TEST_CASE("a certificate that comes while its precertificate is signed is stored after it") {
  Pending pending;
  pending.Enter({Entry(0)}, 1, kTime);
  REQUIRE_EQ(pending.Take(16, Steady::now() + Pending::kGrace).size(), 1);
  CHECK(pending.Finish(0, Cert(1), Issued()));
  CHECK(pending.Take(16, Steady::now()).empty());
  pending.Stored(0, false, true);
  CHECK_EQ(pending.Waiting(), 0);
  const auto work = pending.Take(16, Steady::now());
  REQUIRE_EQ(work.size(), 1);
  CHECK(work[0].tbs.empty());
  CHECK(work[0].certificate);
  pending.Stored(0, true, false);
  CHECK_FALSE(pending.Find(0));
}

TEST_CASE("what could not be done is done again, in its place") {
  Pending pending;
  pending.Enter({Entry(0), Entry(1)}, 2, kTime);
  CHECK(pending.Finish(0, Cert(1), Issued()));
  CHECK(pending.Finish(1, Cert(1), Issued()));
  const auto work = pending.Take(1, Steady::now());
  pending.PutBack(work);
  const auto again = pending.Take(16, Steady::now());
  REQUIRE_EQ(again.size(), 2);
  CHECK_EQ(again[0].index, 0);
  // A certificate stored alone leaves its precertificate to be made.
  pending.Stored(0, true, false);
  const auto rest = pending.Take(16, Steady::now());
  REQUIRE_EQ(rest.size(), 1);
  CHECK_FALSE(rest[0].tbs.empty());
  CHECK_FALSE(rest[0].certificate);
}

TEST_CASE("the SCT is remembered once") {
  Pending pending;
  pending.Enter({Entry(0)}, 1, kTime);
  schema::Sct sct{};
  sct.index = 0;
  sct.signature = schema::Signature({1});
  pending.SetSct(0, sct);
  sct.signature = schema::Signature({2});
  pending.SetSct(0, sct);
  pending.SetSct(5, sct);
  CHECK_EQ(pending.Find(0)->sct->signature.bytes()[0], 1);
  CHECK(pending.OldestSince());
  pending.Stored(0, true, true);
  CHECK_FALSE(pending.Find(0));
  CHECK_FALSE(pending.OldestSince());
}

}  // namespace
