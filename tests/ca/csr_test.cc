#include "ca/csr.h"

#include <doctest/doctest.h>
#include <openssl/rsa.h>

#include "ca/pem.h"
#include "ca/request.h"
#include "schema/base/der.h"
#include "schema/base/limits.h"
#include "tests/ca/samples.h"

namespace {

using samples::kProofMessage;
using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;

constexpr std::string_view kEcdsaSha256 = "1.2.840.10045.4.3.2";
constexpr std::string_view kEcdsaSha384 = "1.2.840.10045.4.3.3";
constexpr std::string_view kEcdsaSha512 = "1.2.840.10045.4.3.4";
constexpr std::string_view kRsaSha256 = "1.2.840.113549.1.1.11";
constexpr std::string_view kEd25519 = "1.3.101.112";

Bytes Unhex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(
        static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// A request put together by hand, so that each part can be wrong and still be signed.
struct Spec {
  std::string_view kind = "P-256";
  std::string_view algorithm = kEcdsaSha256;
  const char* digest = "SHA256";
  Bytes version = {0x02, 0x01, 0x00};
  Bytes subject = {0x30, 0x00};
  Bytes attributes = {0xa0, 0x00};
  Bytes parameters = {};  // after the algorithm's OID
  Bytes spki = {};        // that of `kind` when empty
  Bytes extra_info = {};  // after the attributes
  Bytes extra = {};       // after the signature
};

Bytes BuildDer(const Spec& spec) {
  der::Writer info;
  const auto fields = info.Begin(der::kSequence);
  info.Raw(spec.version);
  info.Raw(spec.subject);
  info.Raw(spec.spki.empty() ? support::SpkiOf(samples::Key(spec.kind)).bytes() : spec.spki);
  info.Raw(spec.attributes);
  info.Raw(spec.extra_info);
  info.End(fields);
  const Bytes signature = support::SignWith(samples::Key(spec.kind), spec.digest, info.view());
  der::Writer out;
  const auto request = out.Begin(der::kSequence);
  out.Raw(info.view());
  const auto identifier = out.Begin(der::kSequence);
  out.Oid(der::OidContent(spec.algorithm));
  out.Raw(spec.parameters);
  out.End(identifier);
  out.BitString(signature);
  out.Raw(spec.extra);
  out.End(request);
  return std::move(out).Take();
}

std::string Build(const Spec& spec) { return ca::Pem("CERTIFICATE REQUEST", BuildDer(spec)); }

schema::Result<ca::SubjectKey> Check(const std::string& csr) {
  return ca::CheckRequest({"", {}, csr}, kProofMessage);
}

TEST_CASE("a CSR of each key type with its own hash is taken") {
  const Spec specs[] = {
      {.kind = "P-256"},
      {.kind = "P-384", .algorithm = kEcdsaSha384, .digest = "SHA384"},
      {.kind = "P-521", .algorithm = kEcdsaSha512, .digest = "SHA512"},
      {.kind = "RSA-2048", .algorithm = kRsaSha256, .parameters = {5, 0}},
      {.kind = "RSA-3072", .algorithm = kRsaSha256, .parameters = {5, 0}},
      {.kind = "RSA-2048", .algorithm = kRsaSha256},  // RFC 4055 5: absence is accepted
      {.kind = "Ed25519", .algorithm = kEd25519},
  };
  for (const Spec& spec : specs) {
    CAPTURE(spec.kind);
    const auto key = Check(Build(spec));
    if (!key) FAIL_CHECK(key.error().Describe());
    if (key) CHECK(key->spki() == support::SpkiOf(samples::Key(spec.kind)));
  }
}

TEST_CASE("a CSR written by python-cryptography, empty subject and an extension request") {
  const std::string pem =
      "-----BEGIN CERTIFICATE REQUEST-----\n"
      "MIHZMIGBAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT2VkFj3ZtLWk2l\n"
      "WgM0wC7yVKWpe26sIlNGgLaCcS0F9aQ53YqI2Xno4pc1dCGvowhiYDedlkMv5Ptb\n"
      "Xprl7mrRoB8wHQYJKoZIhvcNAQkOMRAwDjAMBgNVHRMBAf8EAjAAMAoGCCqGSM49\n"
      "BAMCA0cAMEQCICwuxJ4fdSvnGFqsy7HA+DO2ecK3p6zi547KWGxqyNv9AiBjKjrk\n"
      "m40gujV2xkNGuKIf8UOjb+3+jEoKBziaxGGg4w==\n"
      "-----END CERTIFICATE REQUEST-----\n";
  const auto key = Check(pem);
  REQUIRE(key);
  CHECK_EQ(key->algorithm(), "ecdsa-p256");
}

TEST_CASE("a CSR written by OpenSSL, with a subject") {
  const schema::Owned<X509_REQ, X509_REQ_free> request(X509_REQ_new());
  REQUIRE(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1);
  REQUIRE(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const std::uint8_t*>("anyone"), -1, -1,
                                     0) == 1);
  REQUIRE(X509_REQ_set_pubkey(request.get(), samples::Key("P-256")) == 1);
  REQUIRE(X509_REQ_sign(request.get(), samples::Key("P-256"), EVP_sha256()) > 0);
  std::uint8_t* bytes = nullptr;
  const int size = i2d_X509_REQ(request.get(), &bytes);
  REQUIRE(size > 0);
  const Bytes csr(bytes, bytes + size);
  OPENSSL_free(bytes);
  for (const char* label : {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}) {
    CAPTURE(label);
    CHECK(Check(ca::Pem(label, csr)));
    CHECK(Check(ca::Pem(label, csr) + "\n"));
  }
  CHECK(!Check(ca::Pem("CERTIFICATE", csr)));
  // DER without PEM is no CSR on this wire.
  CHECK(!Check(std::string(schema::AsText(csr))));
}

TEST_CASE("the CSR wins over the key when both are there") {
  ca::KeyRequest request = samples::Request("Ed25519");
  request.csr = Build({});
  const auto key = ca::CheckRequest(request, kProofMessage);
  REQUIRE(key);
  CHECK_EQ(key->algorithm(), "ecdsa-p256");
  request.csr = "broken";
  CHECK(!ca::CheckRequest(request, kProofMessage));
}

TEST_CASE("a CSR is refused for its own reason") {
  // The SPKI of a curve we do not certify.
  const schema::OwnedKey secp256k1 = support::MakeKey("secp256k1");
  struct Case {
    const char* name;
    Spec spec;
    const schema::ErrorKind* want;
  };
  const Case cases[] = {
      {"P-384 with SHA-256", {.kind = "P-384"}, &ca::kKeyAlgorithm},
      {"P-256 with SHA-384", {.algorithm = kEcdsaSha384, .digest = "SHA384"}, &ca::kKeyAlgorithm},
      {"P-521 with SHA-384",
       {.kind = "P-521", .algorithm = kEcdsaSha384, .digest = "SHA384"},
       &ca::kKeyAlgorithm},
      {"ecdsa-with-SHA1", {.algorithm = "1.2.840.10045.4.1", .digest = "SHA1"}, &ca::kKeyAlgorithm},
      {"sha512WithRSA",
       {.kind = "RSA-2048",
        .algorithm = "1.2.840.113549.1.1.13",
        .digest = "SHA512",
        .parameters = {5, 0}},
       &ca::kKeyAlgorithm},
      {"sha1WithRSA",
       {.kind = "RSA-2048",
        .algorithm = "1.2.840.113549.1.1.5",
        .digest = "SHA1",
        .parameters = {5, 0}},
       &ca::kKeyAlgorithm},
      {"RSASSA-PSS",
       {.kind = "RSA-2048", .algorithm = "1.2.840.113549.1.1.10", .parameters = {0x30, 0x00}},
       &ca::kKeyAlgorithm},
      {"EC key, RSA algorithm",
       {.algorithm = kRsaSha256, .parameters = {5, 0}},
       &ca::kKeyAlgorithm},
      {"RSA key, EC algorithm", {.kind = "RSA-2048"}, &ca::kKeyAlgorithm},
      {"Ed25519 key, EC algorithm", {.kind = "Ed25519"}, &ca::kKeyAlgorithm},
      {"weak key",
       {.kind = "RSA-1024", .algorithm = kRsaSha256, .parameters = {5, 0}},
       &ca::kKeyWeak},
      {"another key than the signer's",
       {.spki = support::SpkiOf(secp256k1.get()).bytes()},
       &ca::kKeyMalformed},
      {"signed by another key",
       {.spki = support::SpkiOf(support::MakeKey("P-256").get()).bytes()},
       &ca::kProofWrong},
      {"ecdsa with parameters", {.parameters = {5, 0}}, &ca::kCsrMalformed},
      {"NULL with content",
       {.kind = "RSA-2048", .algorithm = kRsaSha256, .parameters = {5, 1, 0}},
       &ca::kCsrMalformed},
      {"version 1", {.version = {2, 1, 1}}, &ca::kCsrMalformed},
      {"version -1", {.version = {2, 1, 0xff}}, &ca::kCsrMalformed},
      {"no version", {.version = {}}, &ca::kCsrMalformed},
      {"no attributes", {.attributes = {}}, &ca::kCsrMalformed},
      {"attributes twice", {.extra_info = {0xa0, 0x00}}, &ca::kCsrMalformed},
      {"attribute without values", {.attributes = Unhex("a0053003060155")}, &ca::kCsrMalformed},
      {"attribute that is no SEQUENCE", {.attributes = Unhex("a0020500")}, &ca::kCsrMalformed},
      {"subject with an empty RDN", {.subject = Unhex("30023100")}, &ca::kCsrMalformed},
      {"subject that is no Name", {.subject = Unhex("30020500")}, &ca::kCsrMalformed},
      {"something after the signature", {.extra = {5, 0}}, &ca::kCsrMalformed},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto key = Check(Build(c.spec));
    REQUIRE(!key);
    CAPTURE(key.error().detail);
    CHECK_EQ(key.error().kind->id, c.want->id);
  }
}

TEST_CASE("a CSR cut, lengthened or changed anywhere is refused") {
  const Bytes good = BuildDer({});
  REQUIRE(Check(ca::Pem("CERTIFICATE REQUEST", good)));
  for (std::size_t size = 1; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(!Check(ca::Pem("CERTIFICATE REQUEST", BytesView(good).first(size))));
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    Bytes changed = good;
    changed[i] ^= 1;
    CHECK(!Check(ca::Pem("CERTIFICATE REQUEST", changed)));
  }
  Bytes longer = good;
  longer.push_back(0);
  CHECK(!Check(ca::Pem("CERTIFICATE REQUEST", longer)));
  CHECK(!Check(Build({}) + "\ntrailing"));
  CHECK(!Check(Build({}) + "\n" + Build({})));
  CHECK(!Check(std::string(schema::limits::kKeyBytes + 1, '\n') + Build({})));
}

TEST_CASE("a CSR's ECDSA signature is DER, never fixed length") {
  Bytes csr = BuildDer({});
  const auto parsed = ca::ReadCsr(csr);
  REQUIRE(parsed);
  const Bytes fixed = samples::FixedLength(parsed->signature, 32);
  der::Writer out;
  const auto request = out.Begin(der::kSequence);
  out.Raw(parsed->signed_bytes);
  const auto identifier = out.Begin(der::kSequence);
  out.Oid(der::OidContent(kEcdsaSha256));
  out.End(identifier);
  out.BitString(fixed);
  out.End(request);
  const auto key = Check(ca::Pem("CERTIFICATE REQUEST", out.view()));
  REQUIRE(!key);
  CHECK(key.error().Is(ca::kProofWrong));
}

}  // namespace
