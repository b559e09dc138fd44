#include "ca/tsa/chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "ca/name_text.h"
#include "ca/pem.h"
#include "ca/spki.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/base/openssl.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
namespace der = schema::der;

const schema::ErrorKind kBadTimestampChain{
    "bad-timestamp-chain", schema::Fault::kUs,
    "the timestamp authority's certificate chain is not one that verifiers take"};

namespace {

constexpr std::size_t kCertificatesMax = 9;

Error Bad(std::size_t number, const std::string& why) {
  ERR_clear_error();
  return {&kBadTimestampChain, "certificate " + std::to_string(number) + ": " + why};
}

Result<schema::OwnedCert> Parse(const PemBlock& block, std::size_t number) {
  if (block.label != "CERTIFICATE") return Bad(number, "not a CERTIFICATE");
  const unsigned char* end = block.der.data();
  schema::OwnedCert certificate(d2i_X509(nullptr, &end, static_cast<long>(block.der.size())));
  if (certificate == nullptr || end != block.der.data() + block.der.size()) {
    return Bad(number, "not a certificate");
  }
  // Fills the extension cache that the getters below read.
  if (X509_check_purpose(certificate.get(), -1, 0) != 1 ||
      (X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) != 0) {
    return Bad(number, "an extension is malformed");
  }
  return certificate;
}

// RFC 3161 2.3: "exactly one", and "critical".
Outcome CheckAuthority(X509* certificate) {
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_CA) != 0) return Bad(1, "is a CA; a timestamp authority is none");
  if ((flags & EXFLAG_KUSAGE) == 0) return Bad(1, "KeyUsage is missing");
  const std::uint32_t usage = X509_get_key_usage(certificate);
  if ((usage & KU_DIGITAL_SIGNATURE) == 0 ||
      (usage & ~std::uint32_t{KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION}) != 0) {
    return Bad(1, "KeyUsage is not digitalSignature, with nonRepudiation at most");
  }
  const int at = X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1);
  if (at < 0) return Bad(1, "ExtendedKeyUsage timeStamping is missing");
  if (X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) != 1) {
    return Bad(1, "ExtendedKeyUsage is not critical");
  }
  using Purposes = schema::Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
  const Purposes purposes(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr)));
  if (purposes == nullptr || sk_ASN1_OBJECT_num(purposes.get()) != 1 ||
      OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes.get(), 0)) != NID_time_stamp) {
    return Bad(1, "ExtendedKeyUsage is not timeStamping alone");
  }
  return schema::Ok();
}

Outcome CheckCa(X509* certificate, std::size_t number) {
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_CA) == 0) return Bad(number, "BasicConstraints CA:TRUE is missing");
  if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0) {
    return Bad(number, "KeyUsage keyCertSign is missing");
  }
  if ((flags & EXFLAG_XKUSAGE) != 0 &&
      (X509_get_extended_key_usage(certificate) & XKU_TIMESTAMP) == 0) {
    return Bad(number, "ExtendedKeyUsage lacks timeStamping");
  }
  return schema::Ok();
}

// `below`: CA certificates between the two that are not self-issued, for the path length.
Outcome CheckIssued(X509* certificate, X509* issuer, std::size_t number, long below) {
  EVP_PKEY* const key = X509_get0_pubkey(issuer);
  if (X509_check_issued(issuer, certificate) != X509_V_OK || key == nullptr ||
      X509_verify(certificate, key) != 1) {
    return Bad(number, "not issued and signed by the next certificate, or, the last, by itself");
  }
  const long most = X509_get_pathlen(issuer);
  if (most >= 0 && below > most) return Bad(number, "the path length of its issuer is exceeded");
  return schema::Ok();
}

Outcome CheckPath(const std::vector<schema::OwnedCert>& path) {
  TRY(CheckAuthority(path.front().get()));
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0) TRY(CheckCa(path[i].get(), i + 1));
    const bool last = i + 1 == path.size();
    // A root is not below itself.
    const long below = last ? 0 : static_cast<long>(i);
    TRY(CheckIssued(path[i].get(), path[last ? i : i + 1].get(), i + 1, below));
  }
  return schema::Ok();
}

// The fields of one certificate's TBSCertificate, into `out`.
Outcome Read(BytesView certificate, std::optional<schema::Time> now, std::size_t number,
             TimestampChain& out) {
  der::Reader outer(certificate);
  TRY(der::Reader fields, outer.Enter(der::kSequence));
  TRY(const der::Element tbs, fields.Expect(der::kSequence));
  TRY(const TbsParts parts, CutTbs(tbs.whole));
  if (now && *now < parts.not_before) {
    return Bad(number, "not valid before " + schema::Rfc3339(parts.not_before));
  }
  if (now && *now > parts.not_after)
    return Bad(number, "expired at " + schema::Rfc3339(parts.not_after));
  if (number > 1) {
    out.not_before = std::max(out.not_before, parts.not_before);
    out.not_after = std::min(out.not_after, parts.not_after);
    return schema::Ok();
  }
  out.not_before = parts.not_before;
  out.not_after = parts.not_after;
  out.digest = schema::Sha256(certificate);
  out.spki = schema::SpkiDer(schema::ToBytes(parts.spki));
  der::Writer name;
  const std::size_t mark = name.Begin(der::kSequence);
  name.Raw(parts.issuer);
  name.UnsignedInteger(parts.serial);
  name.End(mark);
  out.issuer_and_serial = std::move(name).Take();
  const auto key = ReadSpki(parts.spki);
  if (!key || key->type != KeyType::kP256) return Bad(1, "its key is not ECDSA P-256");
  return schema::Ok();
}

Result<TimestampChain> ReadAll(const std::vector<PemBlock>& blocks,
                               std::optional<schema::Time> now) {
  TimestampChain out;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto read = Read(blocks[i].der, now, i + 1, out);
    if (!read) {
      return read.error().Is(kBadTimestampChain) ? read.error() : Bad(i + 1, read.error().detail);
    }
    out.certificates.emplace_back(blocks[i].der);
    out.pem.push_back(Pem("CERTIFICATE", blocks[i].der));
  }
  return out;
}

}  // namespace

Result<TimestampChain> LoadTimestampChain(std::string_view pem, std::optional<schema::Time> now) {
  const auto blocks = ParsePem(pem, kCertificatesMax);
  if (!blocks) return Error{&kBadTimestampChain, blocks.error().detail};
  if (blocks->size() < 2) {
    return Error{&kBadTimestampChain,
                 "one certificate alone: verifiers want the authority's and a root at least"};
  }
  std::vector<schema::OwnedCert> path;
  for (std::size_t i = 0; i < blocks->size(); ++i) {
    TRY(schema::OwnedCert certificate, Parse((*blocks)[i], i + 1));
    path.push_back(std::move(certificate));
  }
  TRY(CheckPath(path));
  TRY(TimestampChain chain, ReadAll(*blocks, now));
  const X509_NAME* const issuer = X509_get_issuer_name(path.front().get());
  chain.organization = NameText(issuer, NID_organizationName);
  chain.common_name = NameText(issuer, NID_commonName);
  return chain;
}

}  // namespace ca
