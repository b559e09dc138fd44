#include "tests/support/test_ca.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <charconv>

namespace support {

using schema::Bytes;

schema::OwnedKey MakeKey(std::string_view kind) {
  EVP_PKEY* key = nullptr;
  if (kind == "Ed25519") {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  } else if (kind.starts_with("RSA-")) {
    std::size_t bits = 0;
    std::from_chars(kind.data() + 4, kind.data() + kind.size(), bits);
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits);
  } else {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", std::string(kind).c_str());
  }
  MUST(key != nullptr);
  return schema::OwnedKey(key);
}

schema::SpkiDer SpkiOf(EVP_PKEY* key) {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  MUST(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return schema::SpkiDer(std::move(out));
}

Bytes SignWith(EVP_PKEY* key, const char* digest, schema::BytesView bytes) {
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  const char* name = EVP_PKEY_is_a(key, "ED25519") != 0 ? nullptr : digest;
  MUST(EVP_DigestSignInit_ex(context.get(), nullptr, name, nullptr, nullptr, key, nullptr) == 1);
  std::size_t size = 0;
  MUST(EVP_DigestSign(context.get(), nullptr, &size, bytes.data(), bytes.size()) == 1);
  Bytes out(size);
  MUST(EVP_DigestSign(context.get(), out.data(), &size, bytes.data(), bytes.size()) == 1);
  out.resize(size);
  return out;
}

namespace {

void AddName(X509_NAME* name, const char* field, const std::string& value) {
  if (value.empty()) return;
  MUST(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                  reinterpret_cast<const std::uint8_t*>(value.data()),
                                  static_cast<int>(value.size()), -1, 0) == 1);
}

void AddExtension(X509* certificate, X509V3_CTX* context, int nid, const std::string& value) {
  if (value.empty()) return;
  const schema::Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, context, nid, value.c_str()));
  MUST(extension != nullptr);
  MUST(X509_add_ext(certificate, extension.get(), -1) == 1);
}

void SetSerial(X509* certificate) {
  std::uint8_t random[16];
  MUST(RAND_bytes(random, sizeof random) == 1);
  random[0] |= 1;
  const schema::OwnedBignum serial(BN_bin2bn(random, sizeof random, nullptr));
  MUST(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr);
}

CertificateSpec RootSpec(schema::Time now) {
  CertificateSpec spec;
  spec.common_name = "Example Root";
  spec.not_before = now - std::chrono::hours{1};
  spec.not_after = now + std::chrono::hours{24 * 365};
  return spec;
}

CertificateSpec IssuingSpec(schema::Time now) {
  CertificateSpec spec = RootSpec(now);
  spec.common_name = "Example Issuing CA";
  spec.basic_constraints = "critical,CA:TRUE,pathlen:0";
  spec.extended_key_usage = "codeSigning";
  return spec;
}

}  // namespace

schema::OwnedCert MakeCertificate(const CertificateSpec& spec, EVP_PKEY* key,
                                  const Issuer* issuer) {
  schema::OwnedCert certificate(X509_new());
  X509* x = certificate.get();
  MUST(X509_set_version(x, X509_VERSION_3) == 1);
  SetSerial(x);
  MUST(ASN1_TIME_set(X509_getm_notBefore(x), spec.not_before.time_since_epoch().count()) !=
       nullptr);
  MUST(ASN1_TIME_set(X509_getm_notAfter(x), spec.not_after.time_since_epoch().count()) != nullptr);
  AddName(X509_get_subject_name(x), "O", spec.organization);
  AddName(X509_get_subject_name(x), "CN", spec.common_name);
  X509* signer = issuer != nullptr ? issuer->certificate : x;
  MUST(X509_set_issuer_name(x, X509_get_subject_name(signer)) == 1);
  MUST(X509_set_pubkey(x, key) == 1);

  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, signer, x, nullptr, nullptr, 0);
  AddExtension(x, &context, NID_basic_constraints, spec.basic_constraints);
  AddExtension(x, &context, NID_key_usage, spec.key_usage);
  AddExtension(x, &context, NID_ext_key_usage, spec.extended_key_usage);
  AddExtension(x, &context, NID_subject_key_identifier, spec.subject_key_id);
  if (issuer != nullptr && X509_get0_subject_key_id(signer) != nullptr) {
    AddExtension(x, &context, NID_authority_key_identifier, "keyid");
  }
  EVP_PKEY* signing_key = issuer != nullptr ? issuer->key : key;
  const EVP_MD* digest =
      EVP_PKEY_is_a(signing_key, "ED25519") != 0 ? nullptr : EVP_get_digestbyname(spec.digest);
  MUST(X509_sign(x, signing_key, digest) > 0);
  return certificate;
}

schema::CertDer DerOf(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  MUST(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return schema::CertDer(std::move(out));
}

std::string PemOf(X509* certificate) {
  const schema::OwnedBio bio(BIO_new(BIO_s_mem()));
  MUST(PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

TestCa::TestCa(schema::Time now)
    : now_(now), root_key_(MakeKey("P-256")), issuing_key_(MakeKey("P-256")) {
  root_ = MakeCertificate(RootSpec(now), root_key_.get());
  const Issuer root{root_.get(), root_key_.get()};
  issuing_ = MakeCertificate(IssuingSpec(now), issuing_key_.get(), &root);
  pem_ = PemOf(issuing_.get()) + PemOf(root_.get());
}

std::string ChainPemFor(EVP_PKEY* issuing_key, schema::Time now, int path_length) {
  const schema::OwnedKey root_key = MakeKey("P-256");
  const schema::OwnedCert root_certificate = MakeCertificate(RootSpec(now), root_key.get());
  const Issuer root{root_certificate.get(), root_key.get()};
  CertificateSpec spec = IssuingSpec(now);
  spec.basic_constraints = "critical,CA:TRUE,pathlen:" + std::to_string(path_length);
  const schema::OwnedCert issuing = MakeCertificate(spec, issuing_key, &root);
  return PemOf(issuing.get()) + PemOf(root_certificate.get());
}

CertificateSpec PrecertificateSpec(schema::Time now) {
  CertificateSpec spec = RootSpec(now);
  spec.common_name = "Example Precertificates";
  spec.basic_constraints = "critical,CA:TRUE,pathlen:0";
  spec.extended_key_usage = "1.3.6.1.4.1.11129.2.4.4";
  return spec;
}

std::string PrecertificateChainPem(const CertificateSpec& spec, EVP_PKEY* key,
                                   const std::string& chain_pem, EVP_PKEY* issuing_key) {
  const schema::OwnedBio bio(BIO_new_mem_buf(chain_pem.data(), static_cast<int>(chain_pem.size())));
  const schema::OwnedCert issuing(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  MUST(issuing);
  const Issuer above{issuing.get(), issuing_key};
  return PemOf(MakeCertificate(spec, key, &above).get()) + chain_pem;
}

}  // namespace support
