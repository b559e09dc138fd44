#include "hsm/guard_tbs.h"

#include <algorithm>
#include <array>

#include "schema/base/der.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/extensions.h"
#include "schema/log/sct.h"

namespace hsm {

using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

Error Refuse(std::string why) { return Error{&kSignerRefused, std::move(why)}; }

Outcome Rule(bool holds, const char* why) {
  if (!holds) return Refuse(why);
  return schema::Ok();
}

struct Extension {
  BytesView name;
  bool critical;
  BytesView value;
};

Result<Extension> NextExtension(der::Reader& list) {
  TRY(der::Reader fields, list.Enter(der::kSequence));
  TRY(const der::Element name, fields.Expect(der::kOid));
  bool critical = false;
  if (fields.Peek() == der::kBoolean) {
    TRY(critical, fields.Boolean());
    TRY(Rule(critical, "critical FALSE is written"));  // X.690 11.5
  }
  TRY(const der::Element value, fields.Expect(der::kOctetString));
  TRY(fields.End());
  return Extension{name.content, critical, value.content};
}

// The next extension, which has to be this one.
Result<BytesView> Need(der::Reader& list, BytesView name, bool critical, const char* what) {
  TRY(const Extension extension, NextExtension(list));
  if (!schema::Equal(extension.name, name)) {
    return Refuse(std::string("expected ") + what + ", found " + der::OidText(extension.name));
  }
  if (extension.critical != critical) return Refuse(std::string(what) + ": criticality");
  return extension.value;
}

Outcome CheckUsages(der::Reader& list) {
  constexpr std::array<std::uint8_t, 4> kDigitalSignature = {0x03, 0x02, 0x07, 0x80};
  TRY(const BytesView usage, Need(list, oid::kKeyUsage, true, "keyUsage"));
  TRY(Rule(schema::Equal(usage, kDigitalSignature), "keyUsage is not digitalSignature alone"));
  TRY(const BytesView purposes, Need(list, oid::kExtendedKeyUsage, false, "extKeyUsage"));
  der::Reader outer(purposes);
  TRY(der::Reader items, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(const der::Element purpose, items.Expect(der::kOid));
  return Rule(items.AtEnd() && schema::Equal(purpose.content, oid::kCodeSigning),
              "extKeyUsage is not codeSigning alone");
}

// Whose name and key id stand in the TBS (RFC 6962 3.1).
struct Issuer {
  BytesView name, key_id;
};
Issuer IssuerOf(const GuardSettings& settings, Ending ending) {
  if (ending == Ending::kPoison && settings.precertificate) {
    return {settings.precertificate->subject.view(), settings.precertificate->key_id};
  }
  return {settings.issuer.view(), settings.issuer_key_id};
}

Outcome CheckKeyIds(const Issuer& issuer, der::Reader& list) {
  TRY(const BytesView subject, Need(list, oid::kSubjectKeyId, false, "subjectKeyIdentifier"));
  der::Reader subject_value(subject);
  TRY(const der::Element key_id, subject_value.Expect(der::kOctetString));
  TRY(subject_value.End());
  TRY(Rule(!key_id.content.empty(), "subjectKeyIdentifier is empty"));
  TRY(const BytesView authority, Need(list, oid::kAuthorityKeyId, false, "authorityKeyIdentifier"));
  der::Reader outer(authority);
  TRY(der::Reader fields, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(const der::Element identifier, fields.Expect(der::ContextPrimitive(0)));
  TRY(fields.End());
  return Rule(schema::Equal(identifier.content, issuer.key_id),
              "authorityKeyIdentifier is not the CA's");
}

bool IsVisibleAscii(BytesView text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](std::uint8_t c) { return c > 0x20 && c < 0x7f; });
}

// otherName of 1.3.6.1.4.1.57264.1.7: [0] { OID, [0] { UTF8String } } (RFC 5280 4.2.1.6)
Outcome CheckOtherName(BytesView content) {
  constexpr std::array<std::uint8_t, 10> kUsername = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                                      0x83, 0xbf, 0x30, 0x01, 0x07};
  der::Reader fields(content);
  TRY(const der::Element kind, fields.Expect(der::kOid));
  TRY(Rule(schema::Equal(kind.content, kUsername), "subjectAltName: other kind of otherName"));
  TRY(der::Reader value, fields.Enter(der::ContextConstructed(0)));
  TRY(fields.End());
  TRY(const der::Element text, value.Expect(der::kUtf8String));
  TRY(value.End());
  TRY(Rule(!text.content.empty(), "subjectAltName is empty"));
  return Rule(schema::IsUtf8(schema::AsText(text.content)), "subjectAltName is not UTF-8");
}

// RFC 5280 4.2.1.6: critical because the subject is empty.
Outcome CheckSan(der::Reader& list) {
  TRY(const BytesView value, Need(list, oid::kSubjectAltName, true, "subjectAltName"));
  der::Reader outer(value);
  TRY(der::Reader names, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(const der::Element name, names.Any());
  TRY(Rule(names.AtEnd(), "subjectAltName has more than one name"));
  constexpr std::uint8_t kEmail = der::ContextPrimitive(1), kUri = der::ContextPrimitive(6);
  if (name.tag == kEmail || name.tag == kUri) {
    return Rule(IsVisibleAscii(name.content), "subjectAltName is not visible ASCII");
  }
  if (name.tag == der::ContextConstructed(0)) return CheckOtherName(name.content);
  return Refuse("subjectAltName is of another kind");
}

Outcome CheckArc(const Extension& extension, int last) {
  const int arc = extension.name.back();
  const schema::FulcioArc* known = schema::FindArc(arc);
  TRY(Rule(known != nullptr && arc < 0x80, "Fulcio arc is not known"));
  TRY(Rule(arc > last, "Fulcio arcs are not in ascending order"));
  TRY(Rule(!extension.critical, "Fulcio arc is critical"));
  if (known->raw) return Rule(!extension.value.empty(), "Fulcio arc is empty");
  der::Reader value(extension.value);
  TRY(const der::Element text, value.Expect(der::kUtf8String));
  TRY(value.End());
  TRY(Rule(!text.content.empty(), "Fulcio arc is empty"));
  return Rule(schema::IsUtf8(schema::AsText(text.content)), "Fulcio arc is not UTF-8");
}

bool IsArc(BytesView name) {
  constexpr std::size_t kPrefix = sizeof oid::kFulcioPrefix;
  return name.size() == kPrefix + 1 && schema::Equal(name.first(kPrefix), oid::kFulcioPrefix);
}

Outcome CheckEnding(const Extension& extension, Ending ending) {
  if (ending == Ending::kPoison) {
    constexpr std::array<std::uint8_t, 2> kNull = {0x05, 0x00};  // RFC 6962 3.1
    TRY(Rule(schema::Equal(extension.name, oid::kPoison),
             "an extension that is not in the profile"));
    return Rule(extension.critical && schema::Equal(extension.value, kNull), "poison is malformed");
  }
  TRY(Rule(ending == Ending::kSctList && schema::Equal(extension.name, oid::kSctList),
           "an extension that is not in the profile"));
  TRY(Rule(!extension.critical, "SCT list is critical"));
  der::Reader value(extension.value);
  TRY(const der::Element scts, value.Expect(der::kOctetString));
  TRY(value.End());
  if (!schema::ParseSctList(scts.content)) return Refuse("SCT list is not one SCT");
  return schema::Ok();
}

Outcome CheckExtensions(const Issuer& issuer, der::Reader list, Ending ending) {
  TRY(CheckUsages(list));
  TRY(CheckKeyIds(issuer, list));
  TRY(CheckSan(list));
  int last = 0;
  while (!list.AtEnd()) {
    TRY(const Extension extension, NextExtension(list));
    if (IsArc(extension.name)) {
      TRY(CheckArc(extension, last));
      last = extension.name.back();
      continue;
    }
    TRY(CheckEnding(extension, ending));
    return Rule(list.AtEnd(), "extensions after the last");
  }
  return Rule(ending == Ending::kNothing, "the SCT list or the poison is missing");
}

// RFC 5480 2.2: 04 and two coordinates; whether the point is on its curve was checked with the
// proof.
Outcome CheckEcKey(der::Reader& algorithm, BytesView key) {
  struct Curve {
    BytesView name;
    std::size_t point_bytes;
  };
  const Curve curves[] = {{oid::kPrime256v1, 65}, {oid::kSecp384r1, 97}, {oid::kSecp521r1, 133}};
  TRY(const der::Element name, algorithm.Expect(der::kOid));
  const auto* curve = std::ranges::find_if(
      curves, [&](const Curve& known) { return schema::Equal(known.name, name.content); });
  TRY(Rule(curve != std::end(curves), "subject key: curve"));
  return Rule(key.size() == curve->point_bytes && key[0] == 0x04, "subject key: point");
}

// RFC 8017 A.1.1: SEQUENCE { modulus, publicExponent }, with NULL parameters (RFC 3279 2.3.1).
Outcome CheckRsaKey(der::Reader& algorithm, BytesView key) {
  TRY(const der::Element null, algorithm.Expect(der::kNull));
  TRY(Rule(null.content.empty(), "subject key: parameters"));
  der::Reader outer(key);
  TRY(der::Reader numbers, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(numbers.UnsignedInteger());
  TRY(numbers.UnsignedInteger());
  return numbers.End();
}

// RFC 5280 4.1.2.7, for the kinds of key that get certificates. The front judged their strength.
Outcome CheckSubjectKey(der::Reader& fields) {
  TRY(der::Reader spki, fields.Enter(der::kSequence));
  TRY(der::Reader algorithm, spki.Enter(der::kSequence));
  TRY(const der::Element kind, algorithm.Expect(der::kOid));
  TRY(const BytesView key, spki.BitString());
  TRY(spki.End());
  if (schema::Equal(kind.content, oid::kEcPublicKey)) {
    TRY(CheckEcKey(algorithm, key));
  } else if (schema::Equal(kind.content, oid::kRsaEncryption)) {
    TRY(CheckRsaKey(algorithm, key));
  } else {
    TRY(Rule(schema::Equal(kind.content, oid::kEd25519), "subject key: algorithm"));
    TRY(Rule(key.size() == 32, "subject key: length"));  // RFC 8410 4
  }
  return algorithm.End();
}

Outcome CheckHead(der::Reader& fields) {
  constexpr std::array<std::uint8_t, 3> kVersion3 = {0x02, 0x01, 0x02};
  TRY(const der::Element version, fields.Expect(der::ContextConstructed(0)));
  TRY(Rule(schema::Equal(version.content, kVersion3), "version is not 3"));
  TRY(const BytesView serial, fields.UnsignedInteger());
  // RFC 5280 4.1.2.2: positive, at most 20 octets with the sign octet.
  const bool positive = std::ranges::any_of(serial, [](std::uint8_t octet) { return octet != 0; });
  TRY(Rule(positive, "serial number is zero"));
  TRY(Rule(serial.size() < 20 || (serial.size() == 20 && serial[0] < 0x80),
           "serial number is too long"));
  TRY(der::Reader algorithm, fields.Enter(der::kSequence));
  TRY(const der::Element name, algorithm.Expect(der::kOid));
  // RFC 5758 3.2: no parameters.
  return Rule(algorithm.AtEnd() && schema::Equal(name.content, oid::kEcdsaSha256),
              "signature algorithm is not ecdsa-with-SHA256");
}

Result<Validity> ReadValidity(der::Reader& fields) {
  TRY(der::Reader validity, fields.Enter(der::kSequence));
  Validity out;
  TRY(out.not_before, validity.Time());
  TRY(out.not_after, validity.Time());
  TRY(validity.End());
  return out;
}

Result<Validity> Check(const GuardSettings& settings, BytesView tbs, Ending ending) {
  TRY(Rule(tbs.size() <= schema::limits::kTbsBytes, "certificate is too large"));
  der::Reader outer(tbs);
  TRY(der::Reader fields, outer.Enter(der::kSequence));
  TRY(outer.End());
  TRY(CheckHead(fields));
  const Issuer issuer = IssuerOf(settings, ending);
  TRY(const der::Element name, fields.Expect(der::kSequence));
  TRY(Rule(schema::Equal(name.whole, issuer.name), "issuer is not the CA"));
  TRY(const Validity validity, ReadValidity(fields));
  TRY(const der::Element subject, fields.Expect(der::kSequence));
  TRY(Rule(subject.content.empty(), "subject is not empty"));
  TRY(CheckSubjectKey(fields));
  TRY(der::Reader wrapper, fields.Enter(der::ContextConstructed(3)));
  TRY(fields.End());
  TRY(der::Reader list, wrapper.Enter(der::kSequence));
  TRY(wrapper.End());
  TRY(CheckExtensions(issuer, list, ending));
  return validity;
}

}  // namespace

Result<Validity> CheckTbs(const GuardSettings& settings, BytesView tbs, Ending ending) {
  auto validity = Check(settings, tbs, ending);
  if (!validity && validity.error().Is(der::kBadDer))
    return Refuse("not DER: " + validity.error().detail);
  return validity;
}

}  // namespace hsm
