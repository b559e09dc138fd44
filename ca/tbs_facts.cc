#include "ca/tbs_facts.h"

#include "ca/text.h"
#include "schema/base/utf8.h"
#include "schema/extensions.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
using schema::San;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

// Fields with one lawful encoding are compared whole.
constexpr std::uint8_t kVersion3[] = {0x02, 0x01, 0x02};
constexpr std::uint8_t kAlgorithm[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
constexpr std::uint8_t kDigitalSignature[] = {0x03, 0x02, 0x07, 0x80};
constexpr std::uint8_t kCodeSigningOnly[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
                                             0x01, 0x05, 0x05, 0x07, 0x03, 0x03};
constexpr std::uint8_t kUsernameType[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                          0x83, 0xbf, 0x30, 0x01, 0x07};

Error Bad(std::string why) { return {&kBadTbs, std::move(why)}; }

struct Place {
  const char* name;
  BytesView oid;
  bool critical;
};
const Place kPlaces[] = {
    {"KeyUsage", oid::kKeyUsage, true},
    {"ExtendedKeyUsage", oid::kExtendedKeyUsage, false},
    {"SubjectKeyIdentifier", oid::kSubjectKeyId, false},
    {"AuthorityKeyIdentifier", oid::kAuthorityKeyId, false},
    {"SubjectAltName", oid::kSubjectAltName, true},  // RFC 5280 4.1.2.6: the subject is empty
};
static_assert(std::size(kPlaces) == kArcSlot);

Outcome CheckPlaces(const std::vector<Extension>& extensions) {
  for (std::size_t i = 0; i < std::size(kPlaces); ++i) {
    const Place& place = kPlaces[i];
    if (i >= extensions.size() || !schema::Equal(extensions[i].oid, place.oid)) {
      return Bad(std::string(place.name) + " is not in its place");
    }
    if (extensions[i].critical != place.critical) {
      return Bad(std::string(place.name) + " has the wrong criticality");
    }
  }
  if (!schema::Equal(extensions[kKeyUsageSlot].value, kDigitalSignature)) {
    return Bad("KeyUsage is not digitalSignature");
  }
  if (!schema::Equal(extensions[kExtendedKeyUsageSlot].value, kCodeSigningOnly)) {
    return Bad("ExtendedKeyUsage is not codeSigning alone");
  }
  return schema::Ok();
}

Result<San> ReadOtherName(der::Reader name) {
  TRY(const der::Element type, name.Expect(der::kOid));
  if (!schema::Equal(type.content, kUsernameType)) return Bad("SAN otherName of another type");
  TRY(der::Reader wrapper, name.Enter(der::ContextConstructed(0)));
  TRY(name.End());
  TRY(const der::Element text, wrapper.Expect(der::kUtf8String));
  TRY(wrapper.End());
  San san{San::Kind::kOtherName, std::string(schema::AsText(text.content))};
  if (san.value.empty() || !schema::IsUtf8(san.value))
    return Bad("SAN otherName is empty or not UTF-8");
  return san;
}

Result<San> ReadSan(const Extension& extension) {
  der::Reader outer(extension.value);
  TRY(der::Reader names, outer.Enter(der::kSequence));
  TRY(outer.End());
  if (names.AtEnd()) return Bad("SAN of no name");
  TRY(const der::Element name, names.Any());
  if (!names.AtEnd()) return Bad("SAN of more than one name");
  if (name.tag == der::ContextConstructed(0)) return ReadOtherName(der::Reader(name.content));
  San san{San::Kind::kUri, std::string(schema::AsText(name.content))};
  if (name.tag == der::ContextPrimitive(1)) {
    san.kind = San::Kind::kEmail;
  } else if (name.tag != der::ContextPrimitive(6)) {
    return Bad("SAN of a kind that is never written");
  }
  if (!IsVisibleAscii(san.value)) return Bad("SAN is not visible ASCII");
  return san;
}

Result<schema::FulcioExtension> ReadArc(const Extension& extension) {
  constexpr std::size_t kPrefixSize = sizeof oid::kFulcioPrefix;
  if (extension.oid.size() != kPrefixSize + 1 ||
      !schema::Equal(extension.oid.first(kPrefixSize), oid::kFulcioPrefix)) {
    return Bad("extension " + der::OidText(extension.oid) + " is not of the profile");
  }
  const schema::FulcioArc* arc = schema::FindArc(extension.oid.back());
  if (arc == nullptr) return Bad("extension " + der::OidText(extension.oid) + " is unknown");
  const std::string name = "extension 57264.1." + std::to_string(arc->arc);
  if (extension.critical) return Bad(name + " is critical");
  BytesView text = extension.value;
  if (!arc->raw) {
    der::Reader value(extension.value);
    const auto string = value.Expect(der::kUtf8String);
    if (!string || !value.AtEnd()) return Bad(name + " is not one UTF8String");
    text = string->content;
  }
  if (text.empty() || !schema::IsUtf8(schema::AsText(text)))
    return Bad(name + " is empty or not UTF-8");
  return schema::FulcioExtension{arc->arc, std::string(schema::AsText(text))};
}

Result<std::vector<schema::FulcioExtension>> ReadArcs(const std::vector<Extension>& extensions) {
  std::vector<schema::FulcioExtension> out;
  out.reserve(extensions.size() - kArcSlot);
  const std::string *issuer = nullptr, *issuer_v2 = nullptr;
  for (std::size_t i = kArcSlot; i < extensions.size(); ++i) {
    TRY(schema::FulcioExtension extension, ReadArc(extensions[i]));
    if (!out.empty() && extension.arc <= out.back().arc) {
      return Bad("extension 57264.1." + std::to_string(extension.arc) +
                 " is out of order or twice");
    }
    out.push_back(std::move(extension));
    // `out` never grows beyond what was reserved, so these stay valid.
    if (out.back().arc == 1) issuer = &out.back().text;
    if (out.back().arc == 8) issuer_v2 = &out.back().text;
  }
  if (issuer == nullptr || issuer_v2 == nullptr || *issuer != *issuer_v2) {
    return Bad("issuer extensions 57264.1.1 and 57264.1.8 are absent or differ");
  }
  return out;
}

}  // namespace

Result<BytesView> ReadSki(const Extension& extension) {
  der::Reader value(extension.value);
  TRY(const der::Element id, value.Expect(der::kOctetString));
  TRY(value.End());
  return id.content;
}

Result<BytesView> ReadAki(const Extension& extension) {
  der::Reader value(extension.value);
  TRY(der::Reader identifier, value.Enter(der::kSequence));
  TRY(value.End());
  TRY(const der::Element id, identifier.Expect(der::ContextPrimitive(0)));
  TRY(identifier.End());
  return id.content;
}

namespace {

Result<TbsFacts> Read(const TbsParts& parts) {
  if (!schema::Equal(parts.version, kVersion3)) return Bad("version is not 3");
  if (!schema::Equal(parts.algorithm, kAlgorithm)) return Bad("algorithm is not ecdsa-with-SHA256");
  if (!parts.subject.empty()) return Bad("subject is not empty");
  TRY(CheckPlaces(parts.extensions));
  TRY(ReadSki(parts.extensions[kSkiSlot]));
  TRY(ReadAki(parts.extensions[kAkiSlot]));
  TRY(San san, ReadSan(parts.extensions[kSanSlot]));
  TRY(auto arcs, ReadArcs(parts.extensions));
  return TbsFacts{schema::ToBytes(parts.serial),
                  parts.not_before,
                  parts.not_after,
                  std::move(san),
                  schema::SpkiDer(schema::ToBytes(parts.spki)),
                  std::move(arcs)};
}

}  // namespace

Result<TbsFacts> FactsOf(const TbsParts& parts) {
  Result<TbsFacts> facts = Read(parts);
  if (!facts) return AsBadTbs(std::move(facts).error());
  return facts;
}

// Declared in ca/profile.h.
Result<TbsFacts> ReadTbs(BytesView tbs) {
  TRY(const TbsParts parts, CutTbs(tbs));
  return FactsOf(parts);
}

}  // namespace ca
