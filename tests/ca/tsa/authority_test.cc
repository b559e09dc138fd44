// Tokens are verified by OpenSSL's own implementation of RFC 3161, and refusals are read by it.
#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "ca/tsa/authority.h"
#include "ca/tsa/status.h"
#include "ca/tsa/token.h"
#include "hsm/guard_timestamp.h"
#include "schema/base/der.h"
#include "tests/ca/tsa/rig.h"

namespace {

using schema::Bytes;
using schema::BytesView;

using OwnedResponse = schema::Owned<TS_RESP, TS_RESP_free>;
using OwnedVerifier = schema::Owned<TS_VERIFY_CTX, TS_VERIFY_CTX_free>;

constexpr const char* kPolicy = "1.3.6.1.4.1.57264.2";

struct House {
  explicit House(bool include_chain = false) {
    auto opened = ca::StampBook::Open(4, [this](schema::Json event) -> schema::Outcome {
      events.push_back(std::move(event));
      return schema::Ok();
    });
    MUST(opened.has_value());
    book = *std::move(opened);
    auto made = ca::TimestampAuthority::Make({kPolicy, std::chrono::seconds(1), include_chain},
                                             certificates.Load(), gate, *book, signer);
    MUST(made.has_value());
    authority = *std::move(made);
  }

  schema::Result<Bytes> Stamp(TS_REQ* request) {
    auto parsed = ca::ParseTimestampRequest(rig::DerOf(request));
    MUST(parsed.has_value());
    return authority->Stamp(*parsed);
  }

  rig::Certificates certificates;
  rig::SetClock clock;
  rig::SetDiscipline discipline;
  ca::ClockGate gate{clock, &discipline, {}};
  rig::SoftwareSigner signer{certificates.key()};
  std::vector<schema::Json> events;
  std::unique_ptr<ca::StampBook> book;
  std::unique_ptr<ca::TimestampAuthority> authority;
};

OwnedResponse Read(BytesView der) {
  const unsigned char* end = der.data();
  OwnedResponse response(d2i_TS_RESP(nullptr, &end, static_cast<long>(der.size())));
  MUST(response != nullptr && end == der.data() + der.size());
  return response;
}

void Add(STACK_OF(X509) * to, X509* certificate) {
  MUST(X509_up_ref(certificate) == 1 && sk_X509_push(to, certificate) > 0);
}

// What `openssl ts -verify` does, with the root as CAfile and, of a token without certificates, the
// authority's as -untrusted.
bool Verifies(TS_RESP* response, TS_REQ* request, const rig::Certificates& certificates) {
  const OwnedVerifier verifier(TS_REQ_to_TS_VERIFY_CTX(request, nullptr));
  MUST(verifier != nullptr);
  TS_VERIFY_CTX_add_flags(verifier.get(), TS_VFY_SIGNATURE);
  X509_STORE* const store = X509_STORE_new();
  MUST(X509_STORE_add_cert(store, certificates.root()) == 1);
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store),
                             support::kNow.time_since_epoch().count());
  TS_VERIFY_CTX_set_store(verifier.get(), store);
  STACK_OF(X509)* const untrusted = sk_X509_new_null();
  Add(untrusted, certificates.intermediate());
  Add(untrusted, certificates.authority());
  TS_VERIFY_CTX_set_certs(verifier.get(), untrusted);
  const bool good = TS_RESP_verify_response(verifier.get(), response) == 1;
  ERR_clear_error();
  return good;
}

const STACK_OF(X509) * Embedded(TS_RESP* response) {
  return TS_RESP_get_token(response)->d.sign->cert;
}

}  // namespace

TEST_CASE("OpenSSL verifies tokens with and without nonce and certificates") {
  for (const char* digest : {"SHA256", "SHA384", "SHA512"}) {
    for (const long nonce : {0L, 1L, 0x7fffffffffffL}) {
      for (const bool certificates : {false, true}) {
        for (const char* policy : {static_cast<const char*>(nullptr), kPolicy}) {
          CAPTURE(digest);
          CAPTURE(nonce);
          CAPTURE(certificates);
          House house;
          const auto request = rig::MakeRequest({digest, nonce, certificates, policy});
          const auto token = house.Stamp(request.get());
          REQUIRE(token.has_value());
          const OwnedResponse response = Read(ca::GrantedResponse(*token));
          CHECK(Verifies(response.get(), request.get(), house.certificates));
          const int embedded = sk_X509_num(Embedded(response.get()));
          CHECK_EQ(embedded, certificates ? 1 : -1);
        }
      }
    }
  }
}

TEST_CASE("A token of another request, or by another house, does not verify") {
  House house, other;
  const auto request = rig::MakeRequest({"SHA256", 5, true});
  const OwnedResponse response = Read(ca::GrantedResponse(*house.Stamp(request.get())));
  CHECK(Verifies(response.get(), request.get(), house.certificates));
  CHECK_FALSE(
      Verifies(response.get(), rig::MakeRequest({"SHA256", 6, true}).get(), house.certificates));
  CHECK_FALSE(
      Verifies(response.get(), rig::MakeRequest({"SHA384", 5, true}).get(), house.certificates));
  CHECK_FALSE(Verifies(response.get(), request.get(), other.certificates));
}

TEST_CASE("TSTInfo as it was asked for") {
  House house;
  house.clock.now += std::chrono::milliseconds(999);
  const auto request = rig::MakeRequest({});
  const OwnedResponse response = Read(ca::GrantedResponse(*house.Stamp(request.get())));
  TS_TST_INFO* const info = TS_RESP_get_tst_info(response.get());
  const ASN1_GENERALIZEDTIME* const time = TS_TST_INFO_get_time(info);
  CHECK_EQ(std::string(reinterpret_cast<const char*>(time->data),
                       static_cast<std::size_t>(time->length)),
           "20261121100000Z");
  CHECK_EQ(ASN1_INTEGER_get(TS_ACCURACY_get_seconds(TS_TST_INFO_get_accuracy(info))), 1);
  CHECK_EQ(TS_TST_INFO_get_ordering(info), 0);
  CHECK_EQ(TS_TST_INFO_get_nonce(info), nullptr);
  // What the events say of it.
  REQUIRE(house.book->Turn());
  const schema::Json& stamp = house.events.back()["stamps"][0];
  const ASN1_INTEGER* const serial = TS_TST_INFO_get_serial(info);
  CHECK_EQ(stamp["serial"], schema::Hex({serial->data, static_cast<std::size_t>(serial->length)}));
  CHECK_EQ(stamp["imprint"], "sha256:" + schema::Hex(Bytes(32, 0x5a)));
  unsigned char* der = nullptr;
  const int size = i2d_TS_TST_INFO(info, &der);
  REQUIRE(size > 0);
  CHECK_EQ(stamp["digest"], schema::Hex(schema::Sha256({der, static_cast<std::size_t>(size)})));
  OPENSSL_free(der);
}

TEST_CASE("The whole chain is embedded in the order of DER") {
  for (int i = 0; i < 8; ++i) {  // names and keys are in another order each time
    House house(true);
    const auto request = rig::MakeRequest({"SHA256", 0, true});
    const OwnedResponse response = Read(ca::GrantedResponse(*house.Stamp(request.get())));
    CHECK(Verifies(response.get(), request.get(), house.certificates));
    const STACK_OF(X509)* const embedded = Embedded(response.get());
    REQUIRE_EQ(sk_X509_num(embedded), 3);
    for (int at = 1; at < 3; ++at) {
      CHECK(support::DerOf(sk_X509_value(embedded, at - 1)).bytes() <
            support::DerOf(sk_X509_value(embedded, at)).bytes());
    }
  }
}

TEST_CASE("The signer's guard takes what is signed, and for this certificate only") {
  House house;
  REQUIRE(house.Stamp(rig::MakeRequest({}).get()).has_value());
  const ca::TimestampChain& chain = house.authority->chain();
  hsm::TimestampGuard guard{chain.digest, chain.spki, schema::der::OidContent(kPolicy),
                            std::chrono::seconds(1)};
  CHECK(hsm::CheckTimestamp(guard, house.signer.last, support::kNow));
  guard.certificate = {};
  CHECK_FALSE(hsm::CheckTimestamp(guard, house.signer.last, support::kNow));
}

TEST_CASE("Why there is no stamp") {
  static const schema::ErrorKind kDown{"down", schema::Fault::kBusy, "no signer"};
  House house;
  const auto refused = [&house](const rig::Asked& asked) {
    const auto got = house.Stamp(rig::MakeRequest(asked).get());
    MUST(!got.has_value());
    return got.error().kind;
  };
  CHECK_EQ(refused({"SHA256", 0, false, "1.2.3"}), &ca::kTimestampPolicy);
  house.discipline.trouble = "nobody keeps it";
  CHECK_EQ(refused({}), &ca::kTimeNotAvailable);
  house.discipline.trouble.reset();
  house.clock.now += std::chrono::hours(24 * 366);
  CHECK_EQ(refused({}), &ca::kTimeNotAvailable);  // the chain is over
  house.clock.now = support::kNow;
  CHECK_EQ(refused({}), &ca::kTimeNotAvailable);  // set back
  house.clock.now += std::chrono::hours(24 * 366);
  REQUIRE(house.book->Turn());
  CHECK_EQ(house.events.size(), 1);  // who is refused makes no event

  House other;
  other.signer.failure = &kDown;
  const auto down = other.Stamp(rig::MakeRequest({}).get());
  REQUIRE_FALSE(down.has_value());
  CHECK(down.error().Is(kDown));
  other.signer.failure = nullptr;
  CHECK(other.Stamp(rig::MakeRequest({}).get()).has_value());
}

TEST_CASE("A signature by another key does not leave the house") {
  House house;
  const rig::Certificates other;
  rig::SoftwareSigner wrong(other.key());
  auto authority =
      ca::TimestampAuthority::Make({kPolicy, std::chrono::seconds(1), false},
                                   house.certificates.Load(), house.gate, *house.book, wrong);
  REQUIRE(authority.has_value());
  const auto request = ca::ParseTimestampRequest(rig::DerOf(rig::MakeRequest({}).get()));
  const auto got = (*authority)->Stamp(*request);
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().Is(ca::kSelfCheck));
}

TEST_CASE("Refusals say why, as OpenSSL reads them") {
  struct Case {
    const schema::ErrorKind* kind;
    int bit;
  };
  const Case cases[] = {
      {&ca::kTimestampAlgorithm, TS_INFO_BAD_ALG},
      {&ca::kTimestampVersion, TS_INFO_BAD_REQUEST},
      {&ca::kTimestampMalformed, TS_INFO_BAD_DATA_FORMAT},
      {&ca::kTimestampPolicy, TS_INFO_UNACCEPTED_POLICY},
      {&ca::kTimestampExtension, TS_INFO_UNACCEPTED_EXTENSION},
      {&ca::kTimeNotAvailable, TS_INFO_TIME_NOT_AVAILABLE},
      {&ca::kStampsWaiting, TS_INFO_SYSTEM_FAILURE},
      {&ca::kSelfCheck, TS_INFO_SYSTEM_FAILURE},
  };
  for (const Case& c : cases) {
    CAPTURE(c.kind->id);
    const Bytes der = ca::RejectedResponse(*c.kind);
    const OwnedResponse response = Read(der);
    CHECK_EQ(TS_RESP_get_token(response.get()), nullptr);
    TS_STATUS_INFO* const status = TS_RESP_get_status_info(response.get());
    CHECK_EQ(ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)), TS_STATUS_REJECTION);
    const ASN1_BIT_STRING* const bits = TS_STATUS_INFO_get0_failure_info(status);
    for (int bit = 0; bit < 32; ++bit) CHECK_EQ(ASN1_BIT_STRING_get_bit(bits, bit), bit == c.bit);
    // DER, as another writer would have it.
    unsigned char* again = nullptr;
    const int size = i2d_TS_RESP(response.get(), &again);
    REQUIRE(size > 0);
    CHECK_EQ(Bytes(again, again + size), der);
    OPENSSL_free(again);
  }
}
