#include "ca/chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "ca/name_text.h"
#include "ca/pem.h"
#include "ca/spki.h"
#include "schema/base/openssl.h"

namespace ca {

using schema::Bytes;
using schema::Error;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadChain{"bad-chain", schema::Fault::kUs,
                                  "the file of ca.chain is not a chain that clients will accept: "
                                  "issuing CA first, root last, PEM"};

namespace {

constexpr std::size_t kCertificatesMax = 8;
constexpr int kSecurityBitsLeast = 112;  // NIST SP 800-57: RSA-2048, SHA-256; refuses SHA-1

using Certificates = std::vector<schema::OwnedCert>;

// `position` is 1 for the issuing CA.
Error Bad(std::size_t position, const std::string& why) {
  ERR_clear_error();
  return {&kBadChain, "certificate " + std::to_string(position) + ": " + why};
}

// OpenSSL's i2d: a size, then the bytes.
template <class T>
Bytes Encode(int (*i2d)(T*, unsigned char**), T* value) {
  const int size = i2d(value, nullptr);
  MUST(size > 0);
  Bytes out(static_cast<std::size_t>(size));
  unsigned char* end = out.data();
  MUST(i2d(value, &end) == size);
  return out;
}

Result<schema::OwnedCert> Parse(const PemBlock& block, std::size_t position) {
  if (block.label != "CERTIFICATE") return Bad(position, "PEM label is not CERTIFICATE");
  const unsigned char* end = block.der.data();
  schema::OwnedCert certificate(d2i_X509(nullptr, &end, static_cast<long>(block.der.size())));
  if (certificate == nullptr) return Bad(position, "not a certificate: " + schema::OpensslError());
  if (end != block.der.data() + block.der.size())
    return Bad(position, "bytes after the certificate");
  if (X509_get_version(certificate.get()) != X509_VERSION_3) return Bad(position, "not version 3");
  // Fills the extension cache that the getters below read.
  if (X509_check_purpose(certificate.get(), -1, 0) != 1 ||
      (X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) != 0) {
    return Bad(position, "an extension is malformed");
  }
  return certificate;
}

Result<schema::Time> ReadTime(const ASN1_TIME* time, std::size_t position) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Bad(position, "a date is malformed");
  return schema::Time(std::chrono::seconds(timegm(&parts)));
}

// EKU limits what lies below it in every client that follows Windows or Go: absent, or with
// codeSigning.
bool AllowsCodeSigning(X509* certificate) {
  if ((X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) == 0) return true;
  return (X509_get_extended_key_usage(certificate) & XKU_CODE_SIGN) != 0;
}

// RFC 5280 4.2.1.3, 4.2.1.9, 4.2.1.12. `below` counts the CA certificates under this one.
Outcome CheckConstraints(X509* certificate, std::size_t position, long below) {
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_CA) == 0)
    return Bad(position, "not a CA: BasicConstraints CA:TRUE is missing");
  if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0) {
    return Bad(position, "KeyUsage keyCertSign is missing");
  }
  const long most = X509_get_pathlen(certificate);
  if (most != -1 && most < below) {
    return Bad(position, "path length " + std::to_string(most) + " is less than the " +
                             std::to_string(below) + " CA certificates below it");
  }
  if (!AllowsCodeSigning(certificate)) return Bad(position, "ExtendedKeyUsage lacks codeSigning");
  return schema::Ok();
}

Outcome CheckStrengthOf(X509* certificate, std::size_t position) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return Bad(position, "its key cannot be read");
  if (EVP_PKEY_get_security_bits(key) < kSecurityBitsLeast) return Bad(position, "its key is weak");
  int bits = 0;
  if (X509_get_signature_info(certificate, nullptr, nullptr, &bits, nullptr) != 1 ||
      bits < kSecurityBitsLeast) {
    return Bad(position, "its signature algorithm is weak or unknown");
  }
  return schema::Ok();
}

Outcome CheckLink(X509* certificate, X509* issuer, std::size_t position) {
  const bool last = certificate == issuer;
  if (!last && (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0) {
    return Bad(position, "self-signed, but not the last");
  }
  if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) != 0) {
    return Bad(position,
               last ? "the last certificate is not a self-signed root"
                    : "its issuer is not the subject of the next; order is issuing CA to root");
  }
  if (const int why = X509_check_issued(issuer, certificate); why != X509_V_OK) {
    return Bad(position,
               std::string("not issued by the next: ") + X509_verify_cert_error_string(why));
  }
  EVP_PKEY* key = X509_get0_pubkey(issuer);
  if (key == nullptr || X509_verify(certificate, key) != 1) {
    return Bad(position, last ? "the root's own signature is wrong"
                              : "its signature is not by the key of the next");
  }
  return schema::Ok();
}

Outcome CheckValidity(X509* certificate, std::size_t position, schema::Time now, Chain* chain) {
  TRY(const schema::Time from, ReadTime(X509_get0_notBefore(certificate), position));
  TRY(const schema::Time to, ReadTime(X509_get0_notAfter(certificate), position));
  if (now < from) return Bad(position, "not valid before " + schema::Rfc3339(from));
  if (now > to) return Bad(position, "expired at " + schema::Rfc3339(to));
  chain->not_before = position == 1 ? from : std::max(chain->not_before, from);
  chain->not_after = position == 1 ? to : std::min(chain->not_after, to);
  return schema::Ok();
}

// A macro on some builds, so no argument for schema::Freer. The certificates have other owners.
struct StackFreer {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};

// OpenSSL's own path building, for what the checks above do not know: unknown critical extensions,
// name constraints.
Outcome VerifyPath(const Certificates& certificates, schema::Time now) {
  const schema::Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const schema::Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), StackFreer> middle(sk_X509_new_null());
  MUST(store && context && middle);
  MUST(X509_STORE_add_cert(store.get(), certificates.back().get()) == 1);
  for (const schema::OwnedCert& certificate : certificates) {
    MUST(sk_X509_push(middle.get(), certificate.get()) > 0);
  }
  MUST(X509_STORE_CTX_init(context.get(), store.get(), certificates.front().get(), middle.get()) ==
       1);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, now.time_since_epoch().count());
  if (X509_verify_cert(context.get()) != 1) {
    const auto depth = static_cast<std::size_t>(X509_STORE_CTX_get_error_depth(context.get()));
    return Bad(depth + 1, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
  }
  return schema::Ok();
}

// What leaves are made of, from certificate 1.
Outcome ReadIssuing(X509* certificate, Chain* chain) {
  chain->spki = schema::SpkiDer(Encode<const X509_PUBKEY>(
      [](const X509_PUBKEY* key, unsigned char** out) { return i2d_X509_PUBKEY(key, out); },
      X509_get_X509_PUBKEY(certificate)));
  const auto key = ReadSpki(chain->spki.view());
  if (!key || key->type != KeyType::kP256) return Bad(1, "the issuing key is not ECDSA P-256");
  const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(certificate);
  if (id == nullptr || ASN1_STRING_length(id) == 0)
    return Bad(1, "SubjectKeyIdentifier is missing");
  chain->key_id.assign(ASN1_STRING_get0_data(id),
                       ASN1_STRING_get0_data(id) + ASN1_STRING_length(id));
  X509_NAME* subject = X509_get_subject_name(certificate);
  chain->organization = NameText(subject, NID_organizationName);
  chain->common_name = NameText(subject, NID_commonName);
  if (chain->organization.empty())
    return Bad(1, "the subject has no O=, which some clients demand");
  chain->subject = schema::NameDer(Encode<const X509_NAME>(
      [](const X509_NAME* name, unsigned char** out) { return i2d_X509_NAME(name, out); },
      subject));
  chain->key_hash = schema::Sha256(chain->spki.view());
  return schema::Ok();
}

}  // namespace

Result<Chain> LoadChain(std::string_view pem, schema::Time now) {
  const auto blocks = ParsePem(pem, kCertificatesMax);
  if (!blocks) return Error{&kBadChain, blocks.error().detail};
  Chain chain;
  Certificates certificates;
  for (const PemBlock& block : *blocks) {
    TRY(schema::OwnedCert certificate, Parse(block, certificates.size() + 1));
    certificates.push_back(std::move(certificate));
    chain.certificates.emplace_back(block.der);
    chain.pem.push_back(Pem("CERTIFICATE", block.der));
  }
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    X509* certificate = certificates[i].get();
    X509* issuer = certificates[std::min(i + 1, certificates.size() - 1)].get();
    TRY(CheckLink(certificate, issuer, i + 1));
    TRY(CheckConstraints(certificate, i + 1, static_cast<long>(i)));
    TRY(CheckStrengthOf(certificate, i + 1));
    TRY(CheckValidity(certificate, i + 1, now, &chain));
  }
  if (certificates.size() < 2) return Bad(1, "alone: clients want an issuing CA and a root");
  TRY(ReadIssuing(certificates.front().get(), &chain));
  TRY(VerifyPath(certificates, now));
  return chain;
}

}  // namespace ca
