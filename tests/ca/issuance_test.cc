// A receipt becomes a question to the signers by itself, and who waits is answered once.
#include "ca/issuance.h"

#include <doctest/doctest.h>

#include "ca/log/receipt.h"
#include "schema/base/limits.h"
#include "tests/ca/samples.h"

namespace {

using ca::Issuance;
using schema::Error;
using schema::Steady;

// Signs nothing by itself: it keeps what was asked for.
class Asked final : public hsm::Custody {
 public:
  const hsm::KeyFacts& facts() const override { MUST(false); }
  const std::vector<std::string>& key_reports() const override { MUST(false); }
  schema::Result<hsm::Signed> Sign(hsm::Purpose, schema::BytesView, Steady::time_point) override {
    MUST(false);
  }
  std::vector<schema::Result<hsm::Signed>> SignAll(hsm::Purpose,
                                                   const std::vector<schema::BytesView>&,
                                                   Steady::time_point) override {
    MUST(false);
  }
  void Submit(hsm::Purpose of, schema::BytesView bytes, Steady::time_point,
              std::shared_ptr<hsm::SignatureTaker> by) override {
    CHECK_EQ(of, hsm::Purpose::kCertificate);
    asked = schema::ToBytes(bytes);
    taker = std::move(by);
  }
  hsm::CustodyState State() const override { return {}; }
  bool Ready() const override { return true; }
  Steady::duration TimeFor(std::size_t) const override { return {}; }

  schema::Bytes asked;
  std::shared_ptr<hsm::SignatureTaker> taker;
};

std::shared_ptr<Issuance> Begin(Asked& custody) {
  return std::make_shared<Issuance>(custody, *ca::Admission(custody).Enter());
}

schema::TbsDer Logged() {
  static const support::TestCa ca;
  static const ca::Chain chain = ca.LoadChain();
  static const ca::SubjectKey key = samples::ProvenKey();
  auto tbs = ca::MakeTbs(chain, samples::kSettings, samples::Github(), key, samples::kSerial,
                         support::kNow);
  MUST(tbs.has_value());
  return *std::move(tbs);
}

ca::Receipt Receipt(std::optional<schema::CertDer> certificate = std::nullopt) {
  const bool retry = certificate.has_value();
  return ca::ReceiptMaker::Make({7, retry, Logged(), std::move(certificate)},
                                {{}, schema::TimeMs{}, 7, schema::Signature(schema::Bytes(70))});
}

hsm::Signed Signature(std::uint8_t first) {
  return {schema::Signature(schema::Bytes{first}), "0001", 1};
}

}  // namespace

TEST_CASE("what the signers are asked is the logged TBS with its SCT; the first answer counts") {
  Asked custody;
  const auto issuance = Begin(custody);
  issuance->Give(Receipt());
  REQUIRE(custody.taker);
  CHECK(issuance->Wants(0));
  custody.taker->Set(0, Signature(1));
  CHECK_FALSE(issuance->Wants(0));
  custody.taker->Set(0, Signature(2));
  custody.taker->Set(0, Error{&hsm::kSignerUnavailable, "late"});
  const auto done = issuance->Wait();
  REQUIRE(done);
  REQUIRE(done->completed);
  CHECK(schema::Equal(done->completed->tbs.view(), custody.asked));
  CHECK(schema::Equal(ca::WithoutSctList(done->completed->tbs)->view(), Logged().view()));
  CHECK_EQ(done->completed->signature.signature.view()[0], 1);
  CHECK_EQ(done->receipt.index(), 7);
}

TEST_CASE("a stored certificate asks no signer") {
  Asked custody;
  const auto issuance = Begin(custody);
  issuance->Give(Receipt(schema::CertDer(schema::Bytes{1, 2, 3})));
  const auto done = issuance->Wait();
  REQUIRE(done);
  CHECK_FALSE(done->completed);
  CHECK(done->receipt.retry());
  CHECK_FALSE(custody.taker);
}

TEST_CASE("an error of the log, and one of the signers, is the answer") {
  Asked custody;
  const auto refused = Begin(custody);
  refused->Give(Error{&ca::kTokenSpent, ""});
  CHECK(refused->Wait().error().Is(ca::kTokenSpent));
  CHECK_FALSE(custody.taker);

  const auto unsigned_one = Begin(custody);
  unsigned_one->Give(Receipt());
  custody.taker->Set(0, Error{&hsm::kSignerUnavailable, "away"});
  custody.taker->Set(0, Signature(1));
  CHECK(unsigned_one->Wait().error().Is(hsm::kSignerUnavailable));
}

TEST_CASE("who has waited for a signature long enough goes, and a late answer finds nobody") {
  Asked custody;
  const auto issuance = Begin(custody);
  issuance->Give(Receipt());
  const auto began = Steady::now();
  CHECK(issuance->Wait().error().Is(hsm::kSignerUnavailable));
  CHECK_GE(Steady::now() - began, schema::limits::kHsmWait - std::chrono::milliseconds(100));
  CHECK_FALSE(issuance->Wants(0));
  custody.taker->Set(0, Signature(1));
}
