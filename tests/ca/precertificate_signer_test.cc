// Which Precertificate Signing Certificates are taken, and that what is signed with one is the
// logged TBS again by the rules of RFC 6962 3.2.
#include "ca/precertificate_signer.h"

#include <doctest/doctest.h>
#include <openssl/x509v3.h>

#include <functional>

#include "ca/chain.h"
#include "ca/profile.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/extensions.h"
#include "tests/ca/samples.h"
#include "tests/support/test_ca.h"

namespace {

using schema::BytesView;
using support::CertificateSpec;
using support::kNow;
using namespace std::chrono_literals;

struct Keys {
  schema::OwnedKey issuing = support::MakeKey("P-256");
  schema::OwnedKey own = support::MakeKey("P-256");
};
const Keys& TheKeys() {
  static const Keys keys;
  return keys;
}
const std::string& ChainPem() {
  static const std::string pem = support::ChainPemFor(TheKeys().issuing.get(), kNow, 1);
  return pem;
}
ca::Chain Chain(const std::string& pem = ChainPem()) {
  auto chain = ca::LoadChain(pem, kNow);
  MUST(chain.has_value());
  return *std::move(chain);
}
std::string Pem(const CertificateSpec& spec, EVP_PKEY* key = TheKeys().own.get()) {
  return support::PrecertificateChainPem(spec, key, ChainPem(), TheKeys().issuing.get());
}
ca::PrecertificateSigner Signer() {
  auto signer = ca::LoadPrecertificateSigner(Pem(support::PrecertificateSpec()), Chain(), kNow);
  if (!signer) FAIL(signer.error().Describe());
  return *std::move(signer);
}

// "" or the detail.
std::string Verdict(const std::string& pem, const ca::Chain& chain = Chain(),
                    schema::Time now = kNow) {
  const auto signer = ca::LoadPrecertificateSigner(pem, chain, now);
  if (signer) return "";
  CHECK(signer.error().Is(ca::kBadPrecertificateChain));
  return signer.error().detail;
}

void CheckRefused(const std::string& verdict, std::string_view want) {
  CAPTURE(verdict);
  CAPTURE(want);
  CHECK_NE(verdict.find(want), std::string::npos);
}

TEST_CASE("what a good one says") {
  const ca::PrecertificateSigner signer = Signer();
  CHECK(signer.spki == support::SpkiOf(TheKeys().own.get()));
  CHECK_EQ(signer.key_id.size(), 20);
  CHECK(signer.key_id != Chain().key_id);
  const schema::OwnedCert certificate = samples::ParseWithOpenssl(signer.certificate.view());
  REQUIRE(certificate);
  CHECK_EQ(X509_get_ext_by_NID(certificate.get(), NID_ext_key_usage, -1) >= 0, true);
}

TEST_CASE("certificates that are none") {
  struct Case {
    const char* name;
    const char* want;
    std::function<void(CertificateSpec&)> change;
  };
  const Case cases[] = {
      {"good", "", [](CertificateSpec&) {}},
      {"without a path length", "", [](CertificateSpec& s) { s.basic_constraints = "CA:TRUE"; }},
      {"no CA", "CA:TRUE is missing",
       [](CertificateSpec& s) { s.basic_constraints = "critical,CA:FALSE"; }},
      {"no keyCertSign", "keyCertSign is missing",
       [](CertificateSpec& s) { s.key_usage = "critical,digitalSignature"; }},
      {"no EKU", "1.3.6.1.4.1.11129.2.4.4 is missing",
       [](CertificateSpec& s) { s.extended_key_usage = ""; }},
      {"another EKU", "is not 1.3.6.1.4.1.11129.2.4.4 alone",
       [](CertificateSpec& s) { s.extended_key_usage = "codeSigning"; }},
      {"EKU and codeSigning", "is not 1.3.6.1.4.1.11129.2.4.4 alone",
       [](CertificateSpec& s) { s.extended_key_usage += ",codeSigning"; }},
      {"no SKI", "SubjectKeyIdentifier is missing",
       [](CertificateSpec& s) { s.subject_key_id = ""; }},
      {"the issuing CA's name", "its subject is the issuing CA's",
       [](CertificateSpec& s) { s.common_name = "Example Issuing CA"; }},
      {"not yet valid", "not valid before", [](CertificateSpec& s) { s.not_before = kNow + 1s; }},
      {"expired", "expired at", [](CertificateSpec& s) { s.not_after = kNow - 1s; }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CertificateSpec spec = support::PrecertificateSpec();
    c.change(spec);
    const std::string verdict = Verdict(Pem(spec));
    if (*c.want == '\0') {
      CHECK_EQ(verdict, "");
    } else {
      CheckRefused(verdict, c.want);
    }
  }
}

TEST_CASE("keys and chains that do not go together") {
  const CertificateSpec spec = support::PrecertificateSpec();
  const std::string good = Pem(spec);
  CheckRefused(Verdict(Pem(spec, support::MakeKey("P-384").get())), "not ECDSA P-256");
  CheckRefused(Verdict(Pem(spec, TheKeys().issuing.get())), "its key is the issuing CA's");

  // Issued by a CA of the same name and another key, and by the root itself.
  const schema::OwnedKey other = support::MakeKey("P-256");
  const std::string other_chain = support::ChainPemFor(other.get(), kNow, 1);
  const std::string stranger =
      support::PrecertificateChainPem(spec, TheKeys().own.get(), other_chain, other.get());
  const std::string first = stranger.substr(0, stranger.size() - other_chain.size());
  CheckRefused(Verdict(first + ChainPem()), "not by the issuing CA's key");
  CheckRefused(Verdict(stranger), "do not stand those of ca.chain");

  const support::TestCa root;
  const support::Issuer above{root.root(), root.root_key()};
  const auto by_root = support::MakeCertificate(spec, TheKeys().own.get(), &above);
  CheckRefused(Verdict(support::PemOf(by_root.get()) + root.pem(), root.LoadChain()),
               "its issuer is not the issuing CA");

  // Path length 0 is what an issuing CA has without such a certificate below it.
  const std::string tight = support::ChainPemFor(TheKeys().issuing.get(), kNow, 0);
  CheckRefused(Verdict(support::PrecertificateChainPem(spec, TheKeys().own.get(), tight,
                                                       TheKeys().issuing.get()),
                       Chain(tight)),
               "path length 0");

  const std::string alone = good.substr(0, good.size() - ChainPem().size());
  CheckRefused(Verdict(alone), "do not stand those of ca.chain");
  CheckRefused(Verdict(ChainPem()), "do not stand those of ca.chain");
  CheckRefused(Verdict(good + alone), "do not stand those of ca.chain");
  CheckRefused(Verdict(""), "");
  CHECK_NE(Verdict("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" + ChainPem()),
           "");
}

TEST_CASE("a configuration without the mode reads nothing, and errors name the key") {
  schema::Config config{};
  const ca::Chain chain = Chain();
  const auto none = ca::ReadPrecertificateSigner(config, chain, kNow);
  REQUIRE(none);
  CHECK_FALSE(none->has_value());
  config.log.precertificate = {"file:/nowhere.key", "/nowhere/precertificate-chain.pem"};
  const auto missing = ca::ReadPrecertificateSigner(config, chain, kNow);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().detail.starts_with("log.precertificate-chain: "));
}

schema::TbsDer Logged(const ca::Chain& chain) {
  auto tbs = ca::MakeTbs(chain, samples::kSettings, samples::Github(), samples::ProvenKey(),
                         samples::kSerial, kNow);
  MUST(tbs.has_value());
  return *std::move(tbs);
}

X509_EXTENSION* ExtensionOf(X509* certificate, int nid) {
  const int place = X509_get_ext_by_NID(certificate, nid, -1);
  MUST(place >= 0);
  return X509_get_ext(certificate, place);
}

// RFC 6962 3.2 by OpenSSL: the poison goes, the issuer and the AKI become those that the
// Precertificate Signing Certificate has.
schema::Bytes FinalTbs(X509* precertificate, X509* signer) {
  X509_EXTENSION_free(X509_delete_ext(
      precertificate, X509_get_ext_by_NID(precertificate, NID_ct_precert_poison, -1)));
  MUST(X509_set_issuer_name(precertificate, X509_get_issuer_name(signer)) == 1);
  MUST(X509_EXTENSION_set_data(
           ExtensionOf(precertificate, NID_authority_key_identifier),
           X509_EXTENSION_get_data(ExtensionOf(signer, NID_authority_key_identifier))) == 1);
  std::uint8_t* der = nullptr;
  const int size = i2d_re_X509_tbs(precertificate, &der);
  MUST(size > 0);
  schema::Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

TEST_CASE("OpenSSL finds the logged TBS in a signed precertificate, and its issuer") {
  const ca::Chain chain = Chain();
  const ca::PrecertificateSigner signer = Signer();
  const schema::TbsDer logged = Logged(chain);
  const auto poisoned = ca::WithPoison(logged.view(), signer);
  REQUIRE(poisoned);
  const schema::Signature signature(
      support::SignWith(TheKeys().own.get(), "SHA256", poisoned->view()));
  const schema::CertDer der = ca::Assemble(poisoned->view(), signature);
  const schema::OwnedCert precertificate = samples::ParseWithOpenssl(der.view());
  const schema::OwnedCert above = samples::ParseWithOpenssl(signer.certificate.view());
  REQUIRE(precertificate);
  CHECK_EQ(X509_verify(precertificate.get(), TheKeys().own.get()), 1);
  CHECK_EQ(X509_check_issued(above.get(), precertificate.get()), X509_V_OK);
  CHECK_EQ(X509_EXTENSION_get_critical(ExtensionOf(precertificate.get(), NID_ct_precert_poison)),
           1);
  CHECK(schema::Equal(FinalTbs(precertificate.get(), above.get()), logged.view()));
}

schema::Bytes Wrapped(std::uint8_t tag, BytesView content) {
  schema::der::Writer out;
  out.Value(tag, content);
  return std::move(out).Take();
}

TEST_CASE("only issuer and AKI are exchanged, whatever their lengths") {
  const schema::TbsDer logged = Logged(Chain());
  const auto before = ca::CutTbs(logged.view());
  REQUIRE(before);
  ca::PrecertificateSigner signer = Signer();
  for (std::size_t size = 1; size < 300; size += 7) {
    CAPTURE(size);
    signer.subject = schema::NameDer(Wrapped(schema::der::kSequence, schema::Bytes(size, 5)));
    signer.key_id = schema::Bytes(size, 7);
    const auto poisoned = ca::WithPoison(logged.view(), signer);
    REQUIRE(poisoned);
    const auto after = ca::CutTbs(poisoned->view());
    REQUIRE(after);
    CHECK(schema::Equal(after->issuer, signer.subject.view()));
    CHECK(schema::Equal(after->serial, before->serial));
    CHECK(schema::Equal(after->algorithm, before->algorithm));
    CHECK(after->not_before == before->not_before);
    CHECK(after->not_after == before->not_after);
    CHECK(after->subject.empty());
    CHECK(schema::Equal(after->spki, before->spki));
    REQUIRE_EQ(after->extensions.size(), before->extensions.size() + 1);
    for (std::size_t i = 0; i < before->extensions.size(); ++i) {
      const ca::Extension& was = before->extensions[i];
      const ca::Extension& is = after->extensions[i];
      if (schema::Equal(was.oid, schema::oid::kAuthorityKeyId)) {
        CHECK(schema::Equal(is.oid, was.oid));
        CHECK_FALSE(is.critical);
        const auto key_id = Wrapped(schema::der::ContextPrimitive(0), signer.key_id);
        CHECK(schema::Equal(is.value, Wrapped(schema::der::kSequence, key_id)));
      } else {
        CHECK(schema::Equal(is.whole, was.whole));
      }
    }
    CHECK(schema::Equal(after->extensions.back().oid, schema::oid::kPoison));
  }
  const auto twice = ca::WithPoison(ca::WithPoison(logged.view())->view(), signer);
  REQUIRE_FALSE(twice);
  CHECK(twice.error().Is(ca::kSctMismatch));
}

}  // namespace
