#include "ca/precertificate_signer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "ca/chain.h"
#include "ca/extension_writer.h"
#include "ca/pem.h"
#include "ca/spki.h"
#include "ca/tbs_facts.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/base/file.h"
#include "schema/base/openssl.h"
#include "schema/extensions.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

const schema::ErrorKind kBadPrecertificateChain{
    "bad-precertificate-chain", schema::Fault::kUs,
    "the file of log.precertificate-chain is not a Precertificate Signing Certificate and its "
    "chain; a key ceremony makes one (chancery ceremony)"};

namespace {

constexpr std::size_t kCertificatesMax = 9;  // that of ca.chain and one more

Error Bad(std::string why) {
  ERR_clear_error();
  return {&kBadPrecertificateChain, std::move(why)};
}

Result<schema::OwnedCert> Parse(BytesView bytes, const char* which) {
  const unsigned char* end = bytes.data();
  schema::OwnedCert certificate(d2i_X509(nullptr, &end, static_cast<long>(bytes.size())));
  if (certificate == nullptr || end != bytes.data() + bytes.size()) {
    return Bad(std::string(which) + ": not a certificate");
  }
  // Fills the extension cache that the getters below read.
  if (X509_check_purpose(certificate.get(), -1, 0) != 1 ||
      (X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) != 0) {
    return Bad(std::string(which) + ": an extension is malformed");
  }
  return certificate;
}

// RFC 6962 3.1, RFC 5280 4.2.1.3 and 4.2.1.9.
Outcome CheckConstraints(X509* certificate) {
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_CA) == 0) return Bad("BasicConstraints CA:TRUE is missing");
  if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0) {
    return Bad("KeyUsage keyCertSign is missing");
  }
  return schema::Ok();
}

// RFC 6962 3.1: "directly certified by the CA certificate that will ultimately sign" the leaf.
Outcome CheckIssued(X509* certificate, X509* issuing) {
  if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuing)) != 0) {
    return Bad("its issuer is not the issuing CA, the first certificate of ca.chain");
  }
  EVP_PKEY* key = X509_get0_pubkey(issuing);
  if (key == nullptr || X509_verify(certificate, key) != 1) {
    return Bad("its signature is not by the issuing CA's key");
  }
  if (const int why = X509_check_issued(issuing, certificate); why != X509_V_OK) {
    return Bad(std::string("not issued by the issuing CA: ") + X509_verify_cert_error_string(why));
  }
  const long most = X509_get_pathlen(issuing);
  if (most == 0) {
    return Bad(
        "the issuing CA's certificate has path length 0, which allows no CA below it; hold a "
        "ceremony with `precertificate`, which gives it 1");
  }
  return schema::Ok();
}

Outcome CheckValidity(const TbsParts& parts, schema::Time now) {
  if (now < parts.not_before) return Bad("not valid before " + schema::Rfc3339(parts.not_before));
  if (now > parts.not_after) return Bad("expired at " + schema::Rfc3339(parts.not_after));
  return schema::Ok();
}

Outcome CheckPurpose(BytesView value) {
  der::Reader outer(value);
  TRY(der::Reader purposes, outer.Enter(der::kSequence));
  TRY(const der::Element purpose, purposes.Expect(der::kOid));
  if (purposes.AtEnd() && schema::Equal(purpose.content, oid::kPrecertificateSigning)) {
    return schema::Ok();
  }
  return Bad("ExtendedKeyUsage is not 1.3.6.1.4.1.11129.2.4.4 alone");
}

// The octets that readers copy (RFC 6962 3.2) are those that profile.cc writes into a leaf.
Outcome CheckAuthority(BytesView value, const Chain& chain) {
  der::Writer wanted;
  WriteAuthorityKeyId(&wanted, chain.key_id);
  if (schema::Equal(value, wanted.view())) return schema::Ok();
  return Bad("AuthorityKeyIdentifier is not the issuing CA's key identifier alone");
}

struct Found {
  std::optional<BytesView> purposes, subject_key_id, authority_key_id;
};

Found Find(const TbsParts& parts) {
  Found found;
  for (const Extension& extension : parts.extensions) {
    const auto is = [&extension](BytesView name) { return schema::Equal(extension.oid, name); };
    if (is(oid::kExtendedKeyUsage)) found.purposes = extension.value;
    if (is(oid::kSubjectKeyId)) found.subject_key_id = extension.value;
    if (is(oid::kAuthorityKeyId)) found.authority_key_id = extension.value;
  }
  return found;
}

Result<schema::Bytes> ReadKeyId(BytesView value) {
  der::Reader reader(value);
  TRY(const der::Element id, reader.Expect(der::kOctetString));
  TRY(reader.End());
  if (id.content.empty()) return Bad("SubjectKeyIdentifier is empty");
  return schema::ToBytes(id.content);
}

// What precertificates take from it.
Result<PrecertificateSigner> Read(const schema::CertDer& certificate, const Chain& chain,
                                  schema::Time now) {
  der::Reader outer(certificate.view());
  TRY(der::Reader fields, outer.Enter(der::kSequence));
  TRY(const der::Element tbs, fields.Expect(der::kSequence));
  TRY(const TbsParts parts, CutTbs(tbs.whole));
  TRY(CheckValidity(parts, now));
  const Found found = Find(parts);
  if (!found.purposes) return Bad("ExtendedKeyUsage 1.3.6.1.4.1.11129.2.4.4 is missing");
  TRY(CheckPurpose(*found.purposes));
  if (!found.subject_key_id) return Bad("SubjectKeyIdentifier is missing");
  if (!found.authority_key_id) return Bad("AuthorityKeyIdentifier is missing");
  TRY(CheckAuthority(*found.authority_key_id, chain));

  PrecertificateSigner out;
  out.certificate = certificate;
  der::Writer subject;
  subject.Value(der::kSequence, parts.subject);
  out.subject = schema::NameDer(std::move(subject).Take());
  TRY(out.key_id, ReadKeyId(*found.subject_key_id));
  out.spki = schema::SpkiDer(schema::ToBytes(parts.spki));
  const auto key = ReadSpki(out.spki.view());
  if (!key || key->type != KeyType::kP256) return Bad("its key is not ECDSA P-256");
  if (out.spki == chain.spki) return Bad("its key is the issuing CA's; it needs one of its own");
  if (out.subject == chain.subject || parts.subject.empty()) {
    return Bad("its subject is the issuing CA's or empty; it needs a name of its own");
  }
  return out;
}

}  // namespace

Result<PrecertificateSigner> LoadPrecertificateSigner(std::string_view pem, const Chain& chain,
                                                      schema::Time now) {
  const auto blocks = ParsePem(pem, kCertificatesMax);
  if (!blocks) return Bad(blocks.error().detail);
  const bool follows = std::ranges::equal(
      blocks->begin() + 1, blocks->end(), chain.certificates.begin(), chain.certificates.end(),
      [](const PemBlock& block, const schema::CertDer& certificate) {
        return block.label == "CERTIFICATE" && schema::Equal(block.der, certificate.view());
      });
  if (!follows) {
    return Bad("behind the Precertificate Signing Certificate do not stand those of ca.chain");
  }
  TRY(const schema::OwnedCert certificate, Parse(blocks->front().der, "certificate 1"));
  TRY(const schema::OwnedCert issuing, Parse(chain.certificates.front().view(), "certificate 2"));
  TRY(CheckConstraints(certificate.get()));
  TRY(CheckIssued(certificate.get(), issuing.get()));
  auto signer = Read(schema::CertDer(blocks->front().der), chain, now);
  if (!signer && !signer.error().Is(kBadPrecertificateChain)) return Bad(signer.error().detail);
  return signer;
}

Result<std::optional<PrecertificateSigner>> ReadPrecertificateSigner(const schema::Config& config,
                                                                     const Chain& chain,
                                                                     schema::Time now) {
  using Read = std::optional<PrecertificateSigner>;
  if (!config.log.precertificate) return Read();
  const auto at = [](const Error& error) {
    return Error{error.kind, "log.precertificate-chain: " + error.detail};
  };
  const auto pem = schema::ReadFile(config.log.precertificate->chain);
  if (!pem) return at(pem.error());
  auto signer = LoadPrecertificateSigner(*pem, chain, now);
  if (!signer) return at(signer.error());
  return Read(*std::move(signer));
}

}  // namespace ca
