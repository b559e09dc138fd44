#include "ca/csr.h"

#include "ca/request.h"
#include "schema/base/der.h"
#include "schema/extensions.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

constexpr std::uint8_t kEcdsaSha512[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04};
// sha256WithRSAEncryption (RFC 4055 5)
constexpr std::uint8_t kRsaSha256[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b};

struct SignatureAlgorithm {
  BytesView oid;
  KeyType type;  // kP256 stands for every curve
  Digest digest;
};
const SignatureAlgorithm kAlgorithms[] = {
    {oid::kEcdsaSha256, KeyType::kP256, Digest::kSha256},
    {oid::kEcdsaSha384, KeyType::kP256, Digest::kSha384},
    {kEcdsaSha512, KeyType::kP256, Digest::kSha512},
    {kRsaSha256, KeyType::kRsa, Digest::kSha256},
    {oid::kEd25519, KeyType::kEd25519, Digest::kNone},
};

// Subject: SEQUENCE OF SET OF AttributeTypeAndValue.
schema::Outcome CheckName(der::Reader name) {
  while (!name.AtEnd()) {
    TRY(der::Reader rdn, name.Enter(der::kSet));
    if (rdn.AtEnd()) return Error{&kCsrMalformed, "empty RDN"};
    while (!rdn.AtEnd()) {
      TRY(der::Reader attribute, rdn.Enter(der::kSequence));
      TRY(attribute.Expect(der::kOid));
      TRY(attribute.Any());
      TRY(attribute.End());
    }
  }
  return schema::Ok();
}

// RFC 2986 4.1: SET OF SEQUENCE { type OID, values SET }.
schema::Outcome CheckAttributes(der::Reader attributes) {
  while (!attributes.AtEnd()) {
    TRY(der::Reader attribute, attributes.Enter(der::kSequence));
    TRY(attribute.Expect(der::kOid));
    TRY(der::Reader values, attribute.Enter(der::kSet));
    TRY(attribute.End());
    while (!values.AtEnd()) TRY(values.Any());
  }
  return schema::Ok();
}

Result<const SignatureAlgorithm*> ReadAlgorithm(der::Reader identifier) {
  TRY(const der::Element name, identifier.Expect(der::kOid));
  for (const SignatureAlgorithm& algorithm : kAlgorithms) {
    if (!schema::Equal(name.content, algorithm.oid)) continue;
    // RFC 4055 5: NULL for RSA, and absence must be accepted; RFC 5758 3.2, RFC 8410 3: absent.
    if (algorithm.type == KeyType::kRsa && !identifier.AtEnd()) {
      TRY(const der::Element null, identifier.Expect(der::kNull));
      if (!null.content.empty()) return Error{&kCsrMalformed, "NULL has content"};
    }
    TRY(identifier.End());
    return &algorithm;
  }
  return Error{&kKeyAlgorithm, "CSR signature algorithm " + der::OidText(name.content)};
}

Result<Csr> Read(BytesView bytes) {
  der::Reader outer(bytes);
  TRY(der::Reader request, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(const der::Element info, request.Expect(der::kSequence));
  TRY(der::Reader identifier, request.Enter(der::kSequence));
  TRY(const BytesView signature, request.BitString());
  TRY(request.End());

  der::Reader fields(info.content);
  TRY(const BytesView version, fields.UnsignedInteger());
  if (!(version.empty() || (version.size() == 1 && version[0] == 0))) {
    return Error{&kCsrMalformed, "version is not 0"};
  }
  TRY(der::Reader subject, fields.Enter(der::kSequence));
  TRY(CheckName(subject));
  TRY(const der::Element spki, fields.Expect(der::kSequence));
  TRY(der::Reader attributes, fields.Enter(der::ContextConstructed(0)));
  TRY(CheckAttributes(attributes));
  TRY(fields.End());

  TRY(const SignatureAlgorithm* algorithm, ReadAlgorithm(identifier));
  TRY(RawKey key, ReadSpki(spki.whole));
  return Csr{info.whole, std::move(key), algorithm->type, algorithm->digest, signature};
}

}  // namespace

Result<Csr> ReadCsr(BytesView bytes) {
  Result<Csr> csr = Read(bytes);
  if (csr || !csr.error().Is(der::kBadDer)) return csr;
  return Error{&kCsrMalformed, csr.error().detail};
}

}  // namespace ca
