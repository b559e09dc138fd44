// A log whose precertificates are signed by a Precertificate Signing Certificate's key: what
// readers get, and what a change of the mode leaves of old entries.
#include <doctest/doctest.h>
#include <openssl/x509.h>

#include "ca/log/issuers.h"
#include "ca/profile.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/log/leaf.h"
#include "tests/ca/log/house.h"
#include "tests/ca/samples.h"
#include "tests/support/test_ca.h"

namespace {

using hsm::Purpose;
using log_test::House;
using log_test::WaitFor;

// A house whose issuing CA leaves room for a Precertificate Signing Certificate.
struct Delegated {
  House house;
  std::string chain_pem = support::ChainPemFor(house.custody.issuing_key(), support::kNow, 1);

  Delegated() { house.chain = Chain(); }
  ca::Chain Chain() const {
    auto chain = ca::LoadChain(chain_pem, support::kNow);
    MUST(chain.has_value());
    return *std::move(chain);
  }
  // The log, opened anew, with a fresh certificate and key of this name; empty: the issuing key's.
  void Open(const std::string& name) {
    house.Close();
    house.chain.precertificate_signer.reset();
    house.custody.SignPrecertificatesWith(nullptr);
    if (!name.empty()) {
      schema::OwnedKey key = support::MakeKey("P-256");
      support::CertificateSpec spec = support::PrecertificateSpec();
      spec.common_name = name;
      const std::string pem =
          support::PrecertificateChainPem(spec, key.get(), chain_pem, house.custody.issuing_key());
      auto signer = ca::LoadPrecertificateSigner(pem, house.chain, support::kNow);
      MUST(signer.has_value());
      house.chain.precertificate_signer = *std::move(signer);
      house.custody.SignPrecertificatesWith(std::move(key));
    }
    REQUIRE(house.Open());
  }
};

// What readers are told is above the precertificate of an entry.
std::vector<schema::CertDer> Above(House& house, std::uint64_t index) {
  const auto entry = house.log().reader().Entry(index);
  REQUIRE(entry);
  const auto issuers = house.log().reader().ReadIssuers();
  REQUIRE(issuers);
  const auto above = issuers->Above(*entry);
  REQUIRE(above);
  std::vector<schema::CertDer> out;
  for (const ca::Issuer* issuer : *above) {
    CHECK(issuer->fingerprint == schema::Sha256(issuer->certificate.view()));
    CHECK(issuers->Find(issuer->fingerprint)->certificate == issuer->certificate);
    out.push_back(issuer->certificate);
  }
  return out;
}

// Its signature is by the key of `signer`, or of the issuing CA; and its name says so.
void CheckSignedBy(const ca::LogEntry& entry, const schema::CertDer& signer) {
  const schema::OwnedCert precertificate = samples::ParseWithOpenssl(entry.precertificate.view());
  const schema::OwnedCert above = samples::ParseWithOpenssl(signer.view());
  REQUIRE(precertificate);
  REQUIRE(above);
  CHECK_EQ(X509_verify(precertificate.get(), X509_get0_pubkey(above.get())), 1);
  CHECK_EQ(
      X509_NAME_cmp(X509_get_issuer_name(precertificate.get()), X509_get_subject_name(above.get())),
      0);
}

// What the leaf holds is a certificate of the issuing CA, whoever signed the precertificate.
void CheckLeaf(const ca::LogEntry& entry, const ca::Chain& chain) {
  const auto leaf = schema::ParseLeaf(entry.leaf);
  REQUIRE(leaf);
  CHECK(leaf->issuer_key_hash == chain.key_hash);
  const auto parts = ca::CutTbs(leaf->tbs.view());
  REQUIRE(parts);
  CHECK(schema::Equal(parts->issuer, chain.subject.view()));
  REQUIRE(entry.certificate);
  const auto whole = schema::der::Reader(entry.certificate->view()).Enter(schema::der::kSequence);
  REQUIRE(whole);
  const auto tbs = schema::der::Reader(*whole).Expect(schema::der::kSequence);
  REQUIRE(tbs);
  const auto logged = ca::WithoutSctList(ca::FinalTbs(schema::ToBytes(tbs->whole)));
  REQUIRE(logged);
  CHECK(*logged == leaf->tbs);
}

TEST_CASE("each entry names whose key signed its precertificate, through changes of the mode") {
  Delegated made;
  House& house = made.house;
  std::vector<std::optional<schema::CertDer>> signers;
  for (const char* name : {"", "First", "Second", "First", ""}) {
    CAPTURE(name);
    made.Open(name);
    const auto& signer = house.chain.precertificate_signer;
    signers.push_back(signer ? std::optional(signer->certificate) : std::nullopt);
    REQUIRE(house.Issue());
    REQUIRE(house.WaitPublished(signers.size()));
  }
  REQUIRE(WaitFor([&] {
    return house.Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL") == 5;
  }));
  const auto entries = house.log().reader().Entries(0, 4);
  REQUIRE(entries);
  REQUIRE_EQ(entries->size(), 5);
  for (std::size_t i = 0; i < entries->size(); ++i) {
    CAPTURE(i);
    const ca::LogEntry& entry = (*entries)[i];
    std::vector<schema::CertDer> want = house.chain.certificates;
    if (signers[i]) want.insert(want.begin(), *signers[i]);
    CHECK(Above(house, i) == want);
    CheckSignedBy(entry, signers[i] ? *signers[i] : house.chain.certificates.front());
    CheckLeaf(entry, house.chain);
  }
  CHECK_EQ(log_test::Inspect(house), "");
}

TEST_CASE("two operations of the issuing key for each certificate, or one") {
  for (const char* name : {"", "Example Precertificates"}) {
    CAPTURE(name);
    Delegated made;
    made.Open(name);
    for (int i = 0; i < 5; ++i) REQUIRE(made.house.Issue());
    REQUIRE(made.house.WaitPublished(5));
    CHECK_EQ(made.house.custody.Count(Purpose::kPrecertificate), 5);
    CHECK_EQ(made.house.custody.State().operations, *name == '\0' ? 10 : 5);
  }
}

TEST_CASE("a precertificate that does not verify is not stored, and signed again") {
  Delegated made;
  House& house = made.house;
  made.Open("Example Precertificates");
  house.Close();
  // Another key than the certificate's signs, as a device may that has gone wrong.
  const schema::SpkiDer good = house.chain.precertificate_signer->spki;
  house.chain.precertificate_signer->spki = support::SpkiOf(support::MakeKey("P-256").get());
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(WaitFor([&] {
    const auto entry = house.log().reader().Entry(0);
    return entry && entry->certificate;
  }));
  REQUIRE(WaitFor([&] { return house.custody.Count(Purpose::kPrecertificate) >= 2; }));
  CHECK(house.log().reader().Entry(0)->precertificate.empty());
  CHECK_EQ(house.log().State().published_size, 0);
  CHECK_EQ(house.log().State().precertificates_waiting, 1);

  house.chain.precertificate_signer->spki = good;
  house.Close();
  REQUIRE(house.Open());
  REQUIRE(house.WaitPublished(1));
  CheckSignedBy(*house.log().reader().Entry(0), house.chain.precertificate_signer->certificate);
}

TEST_CASE("a renewed certificate of the same key and name is that of entries that follow") {
  Delegated made;
  House& house = made.house;
  made.Open("Example Precertificates");
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(1));
  house.Close();
  const ca::PrecertificateSigner before = *house.chain.precertificate_signer;
  support::CertificateSpec spec = support::PrecertificateSpec();
  spec.not_after += std::chrono::hours(24);
  const schema::OwnedKey key = support::KeyFromSpki(before.spki.view());
  const auto renewed = ca::LoadPrecertificateSigner(
      support::PrecertificateChainPem(spec, key.get(), made.chain_pem, house.custody.issuing_key()),
      house.chain, support::kNow);
  REQUIRE(renewed);
  house.chain.precertificate_signer = *renewed;
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(2));
  CHECK(Above(house, 0).front() == before.certificate);
  CHECK(Above(house, 1).front() == renewed->certificate);
  for (const std::uint64_t index : {0, 1}) {
    CheckSignedBy(*house.log().reader().Entry(index), renewed->certificate);
  }
}

TEST_CASE("another chain of the same issuing key is that of entries that follow") {
  House house;
  const std::vector<schema::CertDer> before = house.chain.certificates;
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  house.Close();
  const auto other =
      ca::LoadChain(support::ChainPemFor(house.custody.issuing_key()), support::kNow);
  REQUIRE(other);
  REQUIRE(other->certificates.back() != before.back());  // another root over the same key
  house.chain = *other;
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(house.Open());  // the same once more adds nothing
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(3));
  CHECK(Above(house, 0) == before);
  CHECK(Above(house, 1) == other->certificates);
  CHECK(Above(house, 2) == other->certificates);
  const auto issuers = house.log().reader().ReadIssuers();
  REQUIRE(issuers);
  CHECK_EQ(issuers->Roots().size(), 2);
  CHECK_EQ(issuers->All().size(), 4);
  CHECK_EQ(issuers->Find(log_test::HashOf("none")), nullptr);
  CHECK_EQ(house.Ask("SELECT count(*) FROM issuer_chain"), 2);
}

}  // namespace
