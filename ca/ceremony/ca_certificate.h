// Certificates of CAs (RFC 5280, RFC 6962 3.1): what one has to say, written and read back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ca/profile.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca::ceremony {

// What the certificates below a CA may be for (RFC 5280 4.2.1.12).
enum class Purpose {
  kAny,          // no ExtendedKeyUsage: roots
  kCodeSigning,  // issuing CAs, as sigstore's clients want them
  // The one that is no CA: a timestamp authority (RFC 3161 2.3). CA:FALSE, digitalSignature, and
  // its ExtendedKeyUsage is critical.
  kTimestamps,
  kPrecertificates,  // 1.3.6.1.4.1.11129.2.4.4 (RFC 6962 3.1)
};

// All that a CA certificate says but its serial number. Self-signed when issuer and key identifiers
// are the same; it has no AuthorityKeyIdentifier then.
struct CaTerms {
  schema::NameDer issuer, subject;
  schema::SpkiDer spki;
  schema::Bytes key_id, issuer_key_id;
  schema::Time not_before, not_after;  // both inclusive
  std::optional<std::uint8_t> path_length;
  Purpose purpose = Purpose::kAny;

  bool IsCa() const { return purpose != Purpose::kTimestamps; }
  bool SelfSigned() const { return issuer == subject && key_id == issuer_key_id; }
};

// O, then CN, each UTF8String.
schema::NameDer WriteName(const std::string& organization, const std::string& common_name);

// What SubjectKeyIdentifier names a P-256 key by.
schema::Bytes KeyIdOfSpki(const schema::SpkiDer& spki);

// ECDSA with SHA-256. Critical BasicConstraints and KeyUsage (keyCertSign, cRLSign of a CA); then
// ExtendedKeyUsage, SubjectKeyIdentifier, AuthorityKeyIdentifier.
schema::TbsDer WriteCaTbs(const CaTerms& terms, const Serial& serial);

struct CaCertificate {
  schema::CertDer der;
  schema::TbsDer tbs;
  schema::Signature signature;
  CaTerms terms;
};
extern const schema::ErrorKind kBadCaCertificate;  // kUs
// kBadCaCertificate unless `der` is exactly one certificate in strict DER of the form that
// WriteCaTbs writes, in any order of extensions, with a P-256 key. Its signature is not verified.
// Safe on any bytes.
schema::Result<CaCertificate> ReadCaCertificate(schema::BytesView der);
// The same of a file with one PEM block.
schema::Result<CaCertificate> ReadCaCertificatePem(std::string_view pem);

// The terms of a TBSCertificate; without AuthorityKeyIdentifier the issuer's key is its own.
schema::Result<CaTerms> ReadCaTerms(schema::BytesView tbs);

}  // namespace ca::ceremony
