// OpenSSL reads what we wrote; we read what OpenSSL wrote.
#include "ca/ceremony/ca_certificate.h"

#include <doctest/doctest.h>
#include <openssl/x509v3.h>

#include <functional>

#include "tests/ca/ceremony/terms.h"

namespace {

using namespace ca::ceremony;  // NOLINT(google-build-using-namespace)

schema::CertDer Signed(const CaTerms& terms, EVP_PKEY* key) {
  const schema::TbsDer tbs = WriteCaTbs(terms, stage::kSerial);
  return ca::Assemble(tbs.view(), schema::Signature(support::SignWith(key, "SHA256", tbs.view())));
}

schema::OwnedCert Parsed(const schema::CertDer& der) {
  const unsigned char* at = der.view().data();
  schema::OwnedCert out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  REQUIRE(out != nullptr);
  REQUIRE_EQ(X509_check_purpose(out.get(), -1, 0), 1);
  return out;
}

bool SameTerms(const CaTerms& a, const CaTerms& b) {
  return a.issuer == b.issuer && a.subject == b.subject && a.spki == b.spki &&
         a.key_id == b.key_id && a.issuer_key_id == b.issuer_key_id &&
         a.not_before == b.not_before && a.not_after == b.not_after &&
         a.path_length == b.path_length && a.purpose == b.purpose;
}

TEST_CASE("OpenSSL verifies root, issuing CA and Precertificate Signing Certificate") {
  const auto root_key = support::MakeKey("P-256"), issuing_key = support::MakeKey("P-256"),
             pre_key = support::MakeKey("P-256");
  const CaTerms root = stage::RootTerms(root_key.get());
  CaTerms issuing = stage::IssuingTerms(issuing_key.get(), root);
  issuing.path_length = std::uint8_t{1};
  CaTerms pre = stage::IssuingTerms(pre_key.get(), issuing);
  pre.subject = WriteName("Example", "Precertificates");
  pre.purpose = Purpose::kPrecertificates;
  const auto root_x = Parsed(Signed(root, root_key.get()));
  const auto issuing_x = Parsed(Signed(issuing, root_key.get()));
  const auto pre_x = Parsed(Signed(pre, issuing_key.get()));
  CHECK_EQ(X509_verify(root_x.get(), root_key.get()), 1);
  CHECK_EQ(X509_verify(issuing_x.get(), root_key.get()), 1);
  CHECK_EQ(X509_verify(pre_x.get(), issuing_key.get()), 1);
  CHECK_EQ(X509_check_issued(root_x.get(), issuing_x.get()), X509_V_OK);
  CHECK_EQ(X509_check_issued(issuing_x.get(), pre_x.get()), X509_V_OK);
  CHECK_EQ(X509_get_pathlen(root_x.get()), -1);
  CHECK_EQ(X509_get_pathlen(issuing_x.get()), 1);
  CHECK_EQ(X509_get_pathlen(pre_x.get()), 0);
  CHECK_EQ(X509_get_key_usage(issuing_x.get()), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
  CHECK_EQ(X509_get_extended_key_usage(issuing_x.get()), XKU_CODE_SIGN);
  CHECK_EQ(X509_get_extension_flags(root_x.get()) & EXFLAG_XKUSAGE, 0);
  for (X509* certificate : {root_x.get(), issuing_x.get(), pre_x.get()}) {
    CHECK_EQ(X509_get_extension_flags(certificate) & EXFLAG_INVALID, 0);
    int at = X509_get_ext_by_NID(certificate, NID_basic_constraints, -1);
    CHECK_EQ(X509_EXTENSION_get_critical(X509_get_ext(certificate, at)), 1);
    at = X509_get_ext_by_NID(certificate, NID_key_usage, -1);
    CHECK_EQ(X509_EXTENSION_get_critical(X509_get_ext(certificate, at)), 1);
  }
}

TEST_CASE("what was written is read back, from DER and PEM") {
  const auto root_key = support::MakeKey("P-256"), issuing_key = support::MakeKey("P-256");
  const CaTerms root = stage::RootTerms(root_key.get());
  for (const CaTerms& terms : {root, stage::IssuingTerms(issuing_key.get(), root)}) {
    const schema::CertDer der = Signed(terms, root_key.get());
    const auto read = ReadCaCertificate(der.view());
    if (!read) FAIL(read.error().Describe());
    CHECK(SameTerms(read->terms, terms));
    CHECK_EQ(read->terms.SelfSigned(), terms.purpose == Purpose::kAny);
    CHECK(ReadCaCertificatePem(ca::Pem("CERTIFICATE", der.view())));
    CHECK_FALSE(ReadCaCertificatePem(ca::Pem("X509 CRL", der.view())));
    for (std::size_t i = 0; i < der.size(); ++i) {
      CHECK_FALSE(ReadCaCertificate(der.view().first(i)));
    }
  }
}

TEST_CASE("certificates that OpenSSL made are read, or refused with the reason") {
  struct Case {
    const char* name;
    std::function<void(support::CertificateSpec&)> change;
    const char* want;  // empty: read
  };
  const Case cases[] = {
      {"good", [](auto&) {}, ""},
      {"leaf", [](auto& s) { s.basic_constraints = "critical,CA:FALSE"; }, ""},
      {"other usage", [](auto& s) { s.key_usage = "critical,digitalSignature"; }, "KeyUsage"},
      {"other purpose", [](auto& s) { s.extended_key_usage = "serverAuth"; }, "ExtendedKeyUsage"},
      {"two purposes", [](auto& s) { s.extended_key_usage = "codeSigning,serverAuth"; },
       "trailing"},
      {"no key id", [](auto& s) { s.subject_key_id = ""; }, "is missing"},
      {"SHA-384", [](auto& s) { s.digest = "SHA384"; }, "ecdsa-with-SHA256"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    support::CertificateSpec spec;
    c.change(spec);
    const auto key = support::MakeKey("P-256");
    const auto made = support::MakeCertificate(spec, key.get());
    const auto read = ReadCaCertificate(support::DerOf(made.get()).view());
    const bool good = std::string_view(c.name) == "good";
    CHECK_EQ(read.has_value(), good);
    if (!read) CHECK_NE(read.error().detail.find(c.want), std::string::npos);
  }
  const auto large = support::MakeKey("P-384");
  const auto made = support::MakeCertificate({}, large.get());
  CHECK_FALSE(ReadCaCertificate(support::DerOf(made.get()).view()));
}

}  // namespace
