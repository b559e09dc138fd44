#include "ca/ceremony/ca_certificate.h"

#include <optional>

#include "ca/extension_writer.h"
#include "ca/spki.h"
#include "ca/tbs_facts.h"
#include "ca/tbs_head.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/extensions.h"

namespace ca::ceremony {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

const schema::ErrorKind kBadCaCertificate{
    "ca-certificate-malformed", schema::Fault::kUs,
    "not a CA certificate of the form that the ceremony makes; name another file"};

namespace {

constexpr std::uint8_t kOrganization[] = {0x55, 0x04, 0x0a};
constexpr std::uint8_t kCommonName[] = {0x55, 0x04, 0x03};
// BIT STRING keyCertSign (5) and cRLSign (6), one bit unused (RFC 5280 4.2.1.3).
constexpr std::uint8_t kCaUsage[] = {1, 0x06};
// digitalSignature (0), seven bits unused.
constexpr std::uint8_t kSignatureUsage[] = {7, 0x80};

struct PurposeName {
  Purpose purpose;
  BytesView oid;
};
constexpr PurposeName kPurposes[] = {{Purpose::kCodeSigning, oid::kCodeSigning},
                                     {Purpose::kTimestamps, oid::kTimeStamping},
                                     {Purpose::kPrecertificates, oid::kPrecertificateSigning}};

Error Bad(std::string why) { return Error{&kBadCaCertificate, std::move(why)}; }

void WriteAttribute(der::Writer* out, BytesView type, const std::string& text) {
  const std::size_t set = out->Begin(der::kSet);
  const std::size_t attribute = out->Begin(der::kSequence);
  out->Oid(type);
  out->Utf8(text);
  out->End(attribute);
  out->End(set);
}

void WriteConstraints(der::Writer* out, const CaTerms& terms) {
  {
    const OpenExtension extension(out, oid::kBasicConstraints, true);
    const std::size_t constraints = out->Begin(der::kSequence);
    if (terms.IsCa()) out->Boolean(true);  // FALSE is the default, which DER leaves out
    if (terms.path_length) out->SmallInteger(*terms.path_length);
    out->End(constraints);
  }
  {
    const OpenExtension extension(out, oid::kKeyUsage, true);
    terms.IsCa() ? out->Value(der::kBitString, kCaUsage)
                 : out->Value(der::kBitString, kSignatureUsage);
  }
  if (terms.purpose == Purpose::kAny) return;
  const OpenExtension extension(out, oid::kExtendedKeyUsage, !terms.IsCa());
  const std::size_t purposes = out->Begin(der::kSequence);
  for (const PurposeName& name : kPurposes) {
    if (name.purpose == terms.purpose) out->Oid(name.oid);
  }
  out->End(purposes);
}

void WriteKeyIds(der::Writer* out, const CaTerms& terms) {
  {
    const OpenExtension extension(out, oid::kSubjectKeyId, false);
    out->Value(der::kOctetString, terms.key_id);
  }
  if (terms.SelfSigned()) return;
  const OpenExtension extension(out, oid::kAuthorityKeyId, false);
  WriteAuthorityKeyId(out, terms.issuer_key_id);
}

Outcome ReadConstraints(BytesView value, CaTerms& terms, bool& ca) {
  der::Reader outer(value);
  TRY(der::Reader fields, outer.Enter(der::kSequence));
  TRY(outer.End());
  ca = !fields.AtEnd();
  if (!ca) return schema::Ok();
  TRY(const bool is_ca, fields.Boolean());
  if (!is_ca) return Bad("BasicConstraints says CA:FALSE");
  if (fields.AtEnd()) return schema::Ok();
  TRY(const BytesView length, fields.UnsignedInteger());
  if (length.size() != 1) return Bad("path length of more than 255");
  terms.path_length = length[0];
  return fields.End();
}

Outcome ReadPurpose(BytesView value, CaTerms& terms) {
  der::Reader outer(value);
  TRY(der::Reader purposes, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(const der::Element purpose, purposes.Expect(der::kOid));
  TRY(purposes.End());
  for (const PurposeName& name : kPurposes) {
    if (!schema::Equal(purpose.content, name.oid)) continue;
    terms.purpose = name.purpose;
    return schema::Ok();
  }
  return Bad("ExtendedKeyUsage " + der::OidText(purpose.content));
}

Outcome ReadUsage(BytesView value, bool& ca) {
  der::Reader reader(value);
  TRY(const der::Element bits, reader.Expect(der::kBitString));
  TRY(reader.End());
  ca = schema::Equal(bits.content, kCaUsage);
  if (ca || schema::Equal(bits.content, kSignatureUsage)) return schema::Ok();
  return Bad("KeyUsage is neither keyCertSign, cRLSign nor digitalSignature");
}

// What the extensions say, each for itself, of whether this is a CA.
struct Says {
  std::optional<bool> constraints, usage;
};

Outcome ReadExtension(const Extension& extension, CaTerms& terms, Says& says) {
  const auto is = [&extension](BytesView name) { return schema::Equal(extension.oid, name); };
  if (is(oid::kBasicConstraints)) {
    return ReadConstraints(extension.value, terms, says.constraints.emplace());
  }
  if (is(oid::kKeyUsage)) return ReadUsage(extension.value, says.usage.emplace());
  if (is(oid::kExtendedKeyUsage)) return ReadPurpose(extension.value, terms);
  if (is(oid::kSubjectKeyId)) {
    TRY(const BytesView id, ReadSki(extension));
    terms.key_id = schema::ToBytes(id);
    return schema::Ok();
  }
  if (is(oid::kAuthorityKeyId)) {
    TRY(const BytesView id, ReadAki(extension));
    terms.issuer_key_id = schema::ToBytes(id);
    return schema::Ok();
  }
  return Bad("it has the extension " + der::OidText(extension.oid));
}

Result<CaTerms> Terms(BytesView tbs) {
  TRY(const TbsParts parts, CutTbs(tbs));
  CaTerms terms;
  terms.issuer = schema::NameDer(schema::ToBytes(parts.issuer));
  der::Writer subject;
  subject.Value(der::kSequence, parts.subject);
  terms.subject = schema::NameDer(std::move(subject).Take());
  terms.spki = schema::SpkiDer(schema::ToBytes(parts.spki));
  terms.not_before = parts.not_before;
  terms.not_after = parts.not_after;
  Says says;
  for (const Extension& extension : parts.extensions) TRY(ReadExtension(extension, terms, says));
  if (!says.constraints || !says.usage || terms.key_id.empty()) {
    return Bad("BasicConstraints, KeyUsage or SubjectKeyIdentifier is missing");
  }
  if (*says.constraints != terms.IsCa() || *says.usage != terms.IsCa()) {
    return Bad(
        "BasicConstraints, KeyUsage and ExtendedKeyUsage are not all of a CA or all of none");
  }
  if (terms.issuer_key_id.empty()) terms.issuer_key_id = terms.key_id;
  const auto key = ReadSpki(terms.spki.view());
  if (!key || key->type != KeyType::kP256) return Bad("its key is not ECDSA P-256");
  return terms;
}

Result<CaCertificate> Read(BytesView bytes) {
  der::Reader outer(bytes);
  TRY(der::Reader certificate, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(const der::Element tbs, certificate.Expect(der::kSequence));
  TRY(der::Reader algorithm, certificate.Enter(der::kSequence));
  TRY(const der::Element name, algorithm.Expect(der::kOid));
  TRY(algorithm.End());
  TRY(const BytesView signature, certificate.BitString());
  TRY(certificate.End());
  if (!schema::Equal(name.content, oid::kEcdsaSha256)) {
    return Bad("its signature is not ecdsa-with-SHA256");
  }
  TRY(CaTerms terms, Terms(tbs.whole));
  return CaCertificate{schema::CertDer(schema::ToBytes(bytes)),
                       schema::TbsDer(schema::ToBytes(tbs.whole)),
                       schema::Signature(schema::ToBytes(signature)), std::move(terms)};
}

// DER errors of whichever reader found one.
template <class T>
Result<T> AsBad(Result<T> result) {
  if (result || result.error().Is(kBadCaCertificate)) return result;
  return Bad(result.error().detail);
}

}  // namespace

schema::NameDer WriteName(const std::string& organization, const std::string& common_name) {
  der::Writer out;
  const std::size_t name = out.Begin(der::kSequence);
  WriteAttribute(&out, kOrganization, organization);
  WriteAttribute(&out, kCommonName, common_name);
  out.End(name);
  return schema::NameDer(std::move(out).Take());
}

Bytes KeyIdOfSpki(const schema::SpkiDer& spki) {
  const auto key = ReadSpki(spki.view());
  MUST(key.has_value());
  const auto id = KeyIdOf(key->key_bits);
  return Bytes(id.begin(), id.end());
}

schema::TbsDer WriteCaTbs(const CaTerms& terms, const Serial& serial) {
  der::Writer out;
  const std::size_t tbs = out.Begin(der::kSequence);
  WriteTbsHead(&out, serial, terms.issuer.view(), terms.not_before, terms.not_after);
  out.Raw(terms.subject.view());
  out.Raw(terms.spki.view());
  const std::size_t wrapper = out.Begin(der::ContextConstructed(3));
  const std::size_t extensions = out.Begin(der::kSequence);
  WriteConstraints(&out, terms);
  WriteKeyIds(&out, terms);
  out.End(extensions);
  out.End(wrapper);
  out.End(tbs);
  return schema::TbsDer(std::move(out).Take());
}

Result<CaTerms> ReadCaTerms(BytesView tbs) { return AsBad(Terms(tbs)); }

Result<CaCertificate> ReadCaCertificate(BytesView der) { return AsBad(Read(der)); }

Result<CaCertificate> ReadCaCertificatePem(std::string_view pem) {
  const auto blocks = ParsePem(pem, 1);
  if (!blocks) return Bad(blocks.error().detail);
  if (blocks->front().label != "CERTIFICATE") return Bad("the PEM block is no CERTIFICATE");
  return ReadCaCertificate(blocks->front().der);
}

}  // namespace ca::ceremony
