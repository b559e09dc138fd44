// Who is let in, and when a place is free again: by what a custody says of its time.
#include "ca/admission.h"

#include <doctest/doctest.h>

#include <vector>

#include "ca/issuance.h"
#include "ca/log/receipt.h"
#include "tests/support/fake_custody.h"

namespace {

using namespace std::chrono_literals;
using ca::Admission;

std::vector<Admission::Place> FillUp(Admission& admission) {
  std::vector<Admission::Place> places;
  while (places.size() < 1000) {
    auto place = admission.Enter();
    if (!place) {
      CHECK(place.error().Is(hsm::kSignerUnavailable));
      break;
    }
    places.push_back(*std::move(place));
  }
  return places;
}

TEST_CASE("as many are let in as the signers reach in three quarters of a second") {
  struct Case {
    std::chrono::milliseconds each;  // for a certificate
    std::size_t places;
  };
  for (const Case& c : {Case{0ms, 1000}, Case{1ms, 750}, Case{93ms, 8}, Case{150ms, 5},
                        Case{750ms, 1}, Case{751ms, 0}}) {
    CAPTURE(c.each.count());
    support::FakeCustody custody;
    custody.Expect(c.each);
    Admission admission(custody);
    CHECK_EQ(FillUp(admission).size(), c.places);
  }
}

TEST_CASE("a place is free again when it goes, once") {
  support::FakeCustody custody;
  custody.Expect(150ms);
  Admission admission(custody);
  auto places = FillUp(admission);
  REQUIRE_EQ(places.size(), 5);
  CHECK_FALSE(admission.Enter());
  places.pop_back();
  CHECK(admission.Enter());  // and gone again
  Admission::Place moved = std::move(places.front());
  moved.GiveBack();
  moved.GiveBack();
  CHECK_EQ(FillUp(admission).size(), 2);
}

TEST_CASE("nobody is let in while no signer is up") {
  support::FakeCustody custody;
  Admission admission(custody);
  custody.Fail(hsm::Purpose::kCertificate, hsm::kSignerUnavailable);
  CHECK_FALSE(admission.Enter());
  custody.Fail(hsm::Purpose::kCertificate, hsm::kSignerUnavailable, 0);
  CHECK(admission.Enter());
}

TEST_CASE("an issuance gives its place back with its receipt, or when the log has none for it") {
  support::FakeCustody custody;
  custody.Expect(750ms);
  Admission admission(custody);
  const auto begin = [&] {
    auto place = admission.Enter();
    REQUIRE(place);
    return std::make_shared<ca::Issuance>(custody, *std::move(place));
  };
  auto issuance = begin();
  CHECK_FALSE(admission.Enter());
  issuance->Give(schema::Error{&ca::kTokenSpent, ""});
  CHECK(admission.Enter());
  issuance = begin();
  issuance.reset();
  CHECK(admission.Enter());
}

}  // namespace
