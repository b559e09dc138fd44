#include "hsm/issuer_certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "hsm/custody.h"
#include "schema/base/file.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::Bytes;
using schema::Error;
using schema::Result;

namespace {

// OpenSSL's i2d functions: size first, then the octets.
template <class T, class Encode>
Bytes Encoded(T* value, Encode encode) {
  unsigned char* der = nullptr;
  const int size = encode(value, &der);
  if (size <= 0) return {};
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Result<schema::OwnedCert> ReadFirst(const std::filesystem::path& pem) {
  TRY(const std::string text, schema::ReadFile(pem));
  const schema::OwnedBio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  schema::OwnedCert certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return Error{&kKeyUnusable, "no PEM certificate"};
  return certificate;
}

schema::SpkiDer KeyOf(X509* certificate) {
  return schema::SpkiDer(Encoded(X509_get_X509_PUBKEY(certificate), i2d_X509_PUBKEY));
}

}  // namespace

Result<FirstCertificate> ReadFirstCertificate(const std::filesystem::path& pem) {
  TRY(const schema::OwnedCert certificate, ReadFirst(pem));
  return FirstCertificate{schema::Sha256(Encoded(certificate.get(), i2d_X509)),
                          KeyOf(certificate.get())};
}

Result<IssuerCertificate> ReadIssuerCertificate(const std::filesystem::path& pem) {
  TRY(const schema::OwnedCert certificate, ReadFirst(pem));
  const ASN1_OCTET_STRING* key_id = X509_get0_subject_key_id(certificate.get());
  if (key_id == nullptr)
    return Error{&kKeyUnusable, "the first certificate has no SubjectKeyIdentifier"};

  IssuerCertificate out;
  const unsigned char* id = ASN1_STRING_get0_data(key_id);
  out.key_id = Bytes(id, id + ASN1_STRING_length(key_id));
  out.subject = schema::NameDer(Encoded(X509_get_subject_name(certificate.get()), i2d_X509_NAME));
  out.key = KeyOf(certificate.get());
  return out;
}

}  // namespace hsm
