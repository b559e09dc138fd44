#include "tests/hsm/tbs.h"

#include "schema/base/der.h"
#include "schema/extensions.h"
#include "schema/log/sct.h"

namespace tests {

using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

constexpr std::string_view kKeyId = "a key id of twenty o";

// The generator of P-256 (SEC 2, 2.4.2): a public key that needs no randomness.
Bytes SampleSpki() {
  constexpr std::uint8_t kSpki[] = {
      0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
      0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
      0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
      0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
      0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
      0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
      0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
  return schema::ToBytes(kSpki);
}

// CN=`text`
Bytes SampleName(std::string_view text) {
  constexpr std::uint8_t kCommonName[] = {0x55, 0x04, 0x03};
  return Wrap(der::kSequence,
              Wrap(der::kSet, Wrap(der::kSequence, Join({Wrap(der::kOid, kCommonName),
                                                         Wrap(der::kUtf8String, Text(text))}))));
}

Bytes TimeField(schema::Time time) {
  der::Writer out;
  out.Time(time);
  return std::move(out).Take();
}

Bytes Arc(int number, BytesView value) {
  Bytes name = schema::ToBytes(oid::kFulcioPrefix);
  name.push_back(static_cast<std::uint8_t>(number));
  return Extension(name, false, value);
}

}  // namespace

Bytes Wrap(std::uint8_t tag, BytesView content) {
  der::Writer out;
  out.Value(tag, content);
  return std::move(out).Take();
}

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes Text(std::string_view text) { return schema::ToBytes(schema::AsBytes(text)); }

Bytes Extension(BytesView name, bool critical, BytesView value) {
  der::Writer out;
  const std::size_t mark = out.Begin(der::kSequence);
  out.Oid(name);
  if (critical) out.Boolean(true);
  out.Value(der::kOctetString, value);
  out.End(mark);
  return std::move(out).Take();
}

Bytes Extension(std::string_view name, bool critical, std::initializer_list<std::uint8_t> value) {
  return Extension(der::OidContent(name), critical, Bytes(value));
}

Bytes San(std::initializer_list<Bytes> names) {
  return Extension(oid::kSubjectAltName, true, Wrap(der::kSequence, Join(names)));
}

Bytes SctListExtension() {
  schema::Sct sct{};
  sct.timestamp = kGuardNow;
  sct.index = 7;
  sct.signature = schema::Signature(Bytes{0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01});
  return Extension(oid::kSctList, false, Wrap(der::kOctetString, schema::EncodeSctList(sct)));
}

Bytes PoisonExtension() { return Extension(oid::kPoison, true, Bytes{0x05, 0x00}); }

hsm::GuardSettings SampleSettings() {
  hsm::GuardSettings settings;
  settings.issuer = schema::NameDer(SampleName("Guard CA"));
  settings.issuer_key_id = Text(kKeyId);
  settings.issuing_key = schema::SpkiDer(SampleSpki());
  settings.lifetime_max = std::chrono::seconds{630};
  settings.certificates_origin = "ca.test/certificates";
  settings.events_origin = "ca.test/events";
  settings.timestamp = {schema::Sha256(Text("Guard Timestamps")), schema::SpkiDer(SampleSpki()),
                        der::OidContent("2.999.1"), std::chrono::seconds{1}};
  return settings;
}

hsm::GuardSettings DelegatedSettings() {
  hsm::GuardSettings settings = SampleSettings();
  settings.precertificate = {schema::NameDer(SampleName("Guard Precertificates")),
                             Text("a key id of twenty p"), schema::SpkiDer(SampleSpki())};
  return settings;
}

TbsSpec SampleTbs(const hsm::GuardSettings& settings, hsm::Purpose purpose, schema::Time now) {
  TbsSpec spec;
  spec.version = {0x02, 0x01, 0x02};
  spec.serial = {0x01, 0x02, 0x03};
  spec.algorithm = Wrap(der::kSequence, Wrap(der::kOid, oid::kEcdsaSha256));
  const bool delegated = purpose == hsm::Purpose::kPrecertificate && settings.precertificate;
  spec.issuer = (delegated ? settings.precertificate->subject : settings.issuer).bytes();
  spec.not_before = now - std::chrono::seconds{30};
  spec.not_after = now + std::chrono::seconds{600};
  spec.subject = Wrap(der::kSequence, {});
  spec.spki = SampleSpki();
  const Bytes issuer = Text("https://ci.test");
  spec.extensions = {
      Extension(oid::kKeyUsage, true, Bytes{0x03, 0x02, 0x07, 0x80}),
      Extension(oid::kExtendedKeyUsage, false,
                Wrap(der::kSequence, Wrap(der::kOid, oid::kCodeSigning))),
      Extension(oid::kSubjectKeyId, false, Wrap(der::kOctetString, Text("subject key id"))),
      Extension(oid::kAuthorityKeyId, false,
                Wrap(der::kSequence,
                     Wrap(der::ContextPrimitive(0),
                          delegated ? settings.precertificate->key_id : settings.issuer_key_id))),
      San({Wrap(der::ContextPrimitive(6), Text("https://ci.test/workflow@main"))}),
      Arc(1, issuer),
      Arc(8, Wrap(der::kUtf8String, issuer)),
  };
  if (purpose == hsm::Purpose::kCertificate) spec.extensions.push_back(SctListExtension());
  if (purpose == hsm::Purpose::kPrecertificate) spec.extensions.push_back(PoisonExtension());
  return spec;
}

Bytes Build(const TbsSpec& spec) {
  der::Writer out;
  const std::size_t tbs = out.Begin(der::kSequence);
  out.Value(der::ContextConstructed(0), spec.version);
  out.Value(der::kInteger, spec.serial);
  out.Raw(spec.algorithm);
  out.Raw(spec.issuer);
  out.Value(der::kSequence, Join({TimeField(spec.not_before), TimeField(spec.not_after)}));
  out.Raw(spec.subject);
  out.Raw(spec.spki);
  out.Raw(spec.before_extensions);
  const std::size_t wrapper = out.Begin(der::ContextConstructed(3));
  const std::size_t list = out.Begin(der::kSequence);
  for (const Bytes& extension : spec.extensions) out.Raw(extension);
  out.End(list);
  out.End(wrapper);
  out.Raw(spec.after_extensions);
  out.End(tbs);
  return std::move(out).Take();
}

TbsSpec CaTbs(const hsm::GuardSettings& settings, schema::Time now) {
  TbsSpec spec = SampleTbs(settings, hsm::Purpose::kCertificate, now);
  // keyCertSign and cRLSign (RFC 5280 4.2.1.3), cA TRUE (4.2.1.9)
  spec.extensions[kUsage] = Extension(oid::kKeyUsage, true, Bytes{0x03, 0x02, 0x01, 0x06});
  spec.extensions.insert(spec.extensions.begin(), Extension(oid::kBasicConstraints, true,
                                                            Bytes{0x30, 0x03, 0x01, 0x01, 0xff}));
  return spec;
}

}  // namespace tests
