#include "ca/audit/certificate.h"

#include "schema/base/der.h"

namespace ca::audit {

using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
using schema::der::Reader;

const schema::ErrorKind kBadCertificate{"bad-certificate", schema::Fault::kUs,
                                        "not a certificate this CA may have issued"};

namespace {

constexpr std::size_t kExtensionsMax = 64;
constexpr std::string_view kFieldNames[kFields] = {
    "version",  "serialNumber", "signature",           "issuer",
    "validity", "subject",      "subjectPublicKeyInfo"};

Outcome ReadExtension(Reader& list, Tbs& tbs) {
  TRY(const auto whole, list.Expect(schema::der::kSequence));
  Reader reader(whole.content);
  TRY(const auto oid, reader.Expect(schema::der::kOid));
  if (reader.Peek() == schema::der::kBoolean) TRY(reader.Boolean());
  TRY(const auto value, reader.Expect(schema::der::kOctetString));
  TRY(reader.End());
  tbs.extensions.push_back({oid.content, value.content, whole.whole});
  return schema::Ok();
}

Result<Tbs> ReadFields(BytesView der) {
  Reader outer(der);
  TRY(Reader reader, outer.Enter(schema::der::kSequence));
  TRY(outer.End());
  Tbs tbs;
  for (BytesView& field : tbs.fields) {
    TRY(const auto element, reader.Any());
    field = element.whole;
  }
  constexpr std::uint8_t kVersion3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
  if (!schema::Equal(tbs.fields[kVersion], kVersion3)) {
    return Error{&kBadCertificate, "not of version 3"};
  }
  Reader serial(tbs.fields[kSerial]);
  TRY(tbs.serial, serial.UnsignedInteger());
  Reader outer_validity(tbs.fields[kValidity]);
  TRY(Reader validity, outer_validity.Enter(schema::der::kSequence));
  TRY(tbs.not_before, validity.Time());
  TRY(tbs.not_after, validity.Time());
  TRY(validity.End());
  TRY(Reader wrapped, reader.Enter(schema::der::ContextConstructed(3)));
  TRY(reader.End());
  TRY(Reader list, wrapped.Enter(schema::der::kSequence));
  TRY(wrapped.End());
  while (!list.AtEnd()) {
    if (tbs.extensions.size() == kExtensionsMax) {
      return Error{&kBadCertificate, "more than 64 extensions"};
    }
    TRY(ReadExtension(list, tbs));
  }
  return tbs;
}

Result<Certificate> ReadParts(BytesView der) {
  Reader outer(der);
  TRY(Reader reader, outer.Enter(schema::der::kSequence));
  TRY(outer.End());
  Certificate certificate;
  TRY(const auto tbs, reader.Expect(schema::der::kSequence));
  certificate.tbs_der = tbs.whole;
  TRY(certificate.tbs, ReadFields(tbs.whole));
  TRY(const auto algorithm, reader.Expect(schema::der::kSequence));
  certificate.algorithm = algorithm.whole;
  TRY(const BytesView signature, reader.BitString());
  certificate.signature = schema::Signature(schema::ToBytes(signature));
  TRY(reader.End());
  if (!schema::Equal(certificate.algorithm, certificate.tbs.fields[kAlgorithm])) {
    return Error{&kBadCertificate, "signed with another algorithm than it names"};
  }
  return certificate;
}

template <class T>
Result<T> AsBad(Result<T> result) {
  if (result || result.error().Is(kBadCertificate)) return result;
  return Error{&kBadCertificate, result.error().detail};
}

bool Is(const Extension& extension, BytesView oid) { return schema::Equal(extension.oid, oid); }

}  // namespace

const Extension* Tbs::Find(std::string_view dotted_oid) const {
  const schema::Bytes oid = schema::der::OidContent(dotted_oid);
  for (const Extension& extension : extensions) {
    if (Is(extension, oid)) return &extension;
  }
  return nullptr;
}

Result<Tbs> ReadTbs(BytesView der) { return AsBad(ReadFields(der)); }
Result<Certificate> ReadCertificate(BytesView der) { return AsBad(ReadParts(der)); }

std::optional<std::string_view> Difference(const Tbs& entry, const Tbs& certificate,
                                           std::string_view dropped, bool another_issuer) {
  for (std::size_t i = 0; i < kFields; ++i) {
    if (another_issuer && i == kIssuer) continue;
    if (!schema::Equal(entry.fields[i], certificate.fields[i])) return kFieldNames[i];
  }
  const schema::Bytes drop = schema::der::OidContent(dropped);
  const schema::Bytes key_id = schema::der::OidContent(kAuthorityKeyIdOid);
  std::size_t next = 0, left_out = 0;
  for (const Extension& extension : certificate.extensions) {
    if (Is(extension, drop)) {
      ++left_out;
      continue;
    }
    if (next == entry.extensions.size()) return "extensions";
    const Extension& wanted = entry.extensions[next++];
    if (another_issuer && Is(extension, key_id) && Is(wanted, key_id)) continue;
    if (!schema::Equal(extension.whole, wanted.whole)) return "extensions";
  }
  if (left_out != 1 || next != entry.extensions.size()) return "extensions";
  return std::nullopt;
}

}  // namespace ca::audit
