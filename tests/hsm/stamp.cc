#include "tests/hsm/stamp.h"

#include <algorithm>

#include "schema/base/der.h"
#include "schema/cms_oids.h"

namespace tests {

using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

Bytes Attribute(BytesView type, const Bytes& value) {
  return Wrap(der::kSequence, Join({Wrap(der::kOid, type), Wrap(der::kSet, value)}));
}

}  // namespace

Bytes GenTime(schema::Time time) {
  std::string digits = schema::Rfc3339(time);
  std::erase_if(digits, [](char c) { return c == '-' || c == ':' || c == 'T'; });
  return Wrap(der::kGeneralizedTime, Text(digits));
}

Bytes Imprint(BytesView algorithm, std::size_t octets) {
  return Wrap(der::kSequence, Join({Wrap(der::kSequence, Wrap(der::kOid, algorithm)),
                                    Wrap(der::kOctetString, Bytes(octets, 0x5a))}));
}

StampSpec SampleStamp(const hsm::TimestampGuard& guard, schema::Time now) {
  StampSpec spec;
  spec.version = Wrap(der::kInteger, Bytes{1});
  spec.policy = Wrap(der::kOid, guard.policy);
  spec.imprint = Imprint(oid::kSha256, 32);
  spec.serial = Wrap(der::kInteger, Bytes(16, 0x41));
  spec.time = GenTime(now);
  spec.accuracy =
      Wrap(der::kSequence,
           Wrap(der::kInteger, Bytes{static_cast<std::uint8_t>(guard.accuracy.count())}));
  return spec;
}

Bytes TstInfo(const StampSpec& spec) {
  return Wrap(der::kSequence, Join({spec.version, spec.policy, spec.imprint, spec.serial, spec.time,
                                    spec.accuracy, spec.rest}));
}

Bytes AttributesOver(BytesView tst_info, const schema::Hash& certificate) {
  const Bytes identifier = Wrap(der::kSequence, Wrap(der::kOctetString, certificate));
  return Wrap(
      der::kSet,
      Join({Attribute(oid::kContentType, Wrap(der::kOid, oid::kTstInfo)),
            Attribute(oid::kMessageDigest, Wrap(der::kOctetString, schema::Sha256(tst_info))),
            Attribute(oid::kSigningCertificateV2,
                      Wrap(der::kSequence, Wrap(der::kSequence, identifier)))}));
}

Bytes Stamp(const StampSpec& spec, const schema::Hash& certificate) {
  const Bytes info = TstInfo(spec);
  return Join({info, AttributesOver(info, certificate)});
}

Bytes HonestStamp(const hsm::TimestampGuard& guard, schema::Time now) {
  return Stamp(SampleStamp(guard, now), guard.certificate);
}

}  // namespace tests
