#include "hsm/guard_timestamp.h"

#include "schema/base/der.h"
#include "schema/cms_oids.h"

namespace hsm {

using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;
namespace der = schema::der;
namespace oid = schema::oid;

namespace {

Error Refuse(std::string why) { return Error{&kSignerRefused, std::move(why)}; }

// The only value of the next attribute, which has to be this one.
Result<BytesView> Need(der::Reader& attributes, BytesView type, const char* what) {
  TRY(der::Reader attribute, attributes.Enter(der::kSequence));
  TRY(const der::Element name, attribute.Expect(der::kOid));
  if (!schema::Equal(name.content, type)) {
    return Refuse(std::string("expected ") + what + ", found " + der::OidText(name.content));
  }
  TRY(der::Reader values, attribute.Enter(der::kSet));
  TRY(attribute.End());
  TRY(const der::Element value, values.Any());
  TRY(values.End());
  return value.whole;
}

Outcome CheckContentType(BytesView value) {
  der::Reader reader(value);
  TRY(const der::Element type, reader.Expect(der::kOid));
  if (schema::Equal(type.content, oid::kTstInfo)) return schema::Ok();
  return Refuse("content-type is " + der::OidText(type.content));
}

Result<BytesView> ReadMessageDigest(BytesView value) {
  der::Reader reader(value);
  TRY(const der::Element digest, reader.Expect(der::kOctetString));
  if (digest.content.size() == std::tuple_size_v<schema::Hash>) return digest.content;
  return Refuse("message-digest has another length");
}

Outcome CheckSigningCertificate(BytesView value, const schema::Hash& certificate) {
  der::Reader outer(value);
  TRY(der::Reader fields, outer.Enter(der::kSequence));
  TRY(der::Reader certificates, fields.Enter(der::kSequence));
  TRY(fields.End());
  TRY(der::Reader identifier, certificates.Enter(der::kSequence));
  TRY(certificates.End());
  TRY(const der::Element digest, identifier.Expect(der::kOctetString));
  TRY(identifier.End());
  if (schema::Equal(digest.content, certificate)) return schema::Ok();
  return Refuse("signing-certificate-v2 names another certificate");
}

Result<BytesView> CheckAttributes(BytesView bytes, const schema::Hash& certificate) {
  der::Reader outer(bytes);
  TRY(der::Reader attributes, outer.Enter(der::kSet));
  TRY(outer.End());
  TRY(const BytesView type, Need(attributes, oid::kContentType, "content-type"));
  TRY(CheckContentType(type));
  TRY(const BytesView value, Need(attributes, oid::kMessageDigest, "message-digest"));
  TRY(const BytesView digest, ReadMessageDigest(value));
  TRY(const BytesView signing,
      Need(attributes, oid::kSigningCertificateV2, "signing-certificate-v2"));
  TRY(CheckSigningCertificate(signing, certificate));
  TRY(attributes.End());
  return digest;
}

Outcome CheckImprint(der::Reader& fields) {
  struct Known {
    BytesView oid;
    std::size_t octets;
  };
  static const Known known[] = {{oid::kSha256, 32}, {oid::kSha384, 48}, {oid::kSha512, 64}};
  TRY(der::Reader imprint, fields.Enter(der::kSequence));
  TRY(der::Reader algorithm, imprint.Enter(der::kSequence));
  TRY(const der::Element name, algorithm.Expect(der::kOid));
  if (!algorithm.AtEnd()) {
    TRY(const der::Element parameters, algorithm.Expect(der::kNull));
    if (!parameters.content.empty()) return Refuse("the imprint's NULL has a content");
    TRY(algorithm.End());
  }
  TRY(const der::Element digest, imprint.Expect(der::kOctetString));
  TRY(imprint.End());
  for (const Known& one : known) {
    if (!schema::Equal(one.oid, name.content)) continue;
    if (digest.content.size() == one.octets) return schema::Ok();
    return Refuse("the imprint is not as long as its hash");
  }
  return Refuse("the imprint's hash is " + der::OidText(name.content));
}

// RFC 3161 2.4.2: YYYYMMDDhhmmssZ, here without fractions.
Result<schema::Time> ReadGenTime(der::Reader& fields) {
  TRY(const der::Element element, fields.Expect(der::kGeneralizedTime));
  const std::string_view digits = schema::AsText(element.content);
  constexpr std::size_t kOctets = 15;
  if (digits.size() != kOctets) return Refuse("genTime is not to the second");
  const auto part = [&digits](std::size_t at, std::size_t size) {
    return std::string(digits.substr(at, size));
  };
  const auto time = schema::ParseTime(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + "T" +
                                      part(8, 2) + ":" + part(10, 2) + ":" + part(12, 3));
  if (!time) return Refuse("genTime is no time");
  return *time;
}

Outcome CheckGenTime(der::Reader& fields, schema::Time now) {
  TRY(const schema::Time time, ReadGenTime(fields));
  if (time <= now + kStampAhead && time >= now - kStampBehind) return schema::Ok();
  return Refuse("genTime is " + schema::Rfc3339(time) + ", and it is " + schema::Rfc3339(now));
}

Outcome CheckSerial(der::Reader& fields) {
  constexpr std::size_t kOctetsMax = 20;
  TRY(const BytesView serial, fields.UnsignedInteger());
  const bool zero = serial.empty() || (serial.size() == 1 && serial[0] == 0);
  if (!zero && serial.size() <= kOctetsMax) return schema::Ok();
  return Refuse("serialNumber is zero or too long");
}

Outcome CheckSmall(der::Reader& fields, std::uint64_t wanted, const char* what) {
  TRY(const BytesView number, fields.UnsignedInteger());
  if (number.size() == 1 && number[0] == wanted) return schema::Ok();
  return Refuse(std::string(what) + " is another");
}

Outcome CheckTstInfo(const TimestampGuard& guard, BytesView content, schema::Time now) {
  der::Reader fields(content);
  TRY(CheckSmall(fields, 1, "version"));
  TRY(const der::Element policy, fields.Expect(der::kOid));
  if (!schema::Equal(policy.content, guard.policy)) {
    return Refuse("policy is " + der::OidText(policy.content));
  }
  TRY(CheckImprint(fields));
  TRY(CheckSerial(fields));
  TRY(CheckGenTime(fields, now));
  TRY(der::Reader accuracy, fields.Enter(der::kSequence));
  TRY(CheckSmall(accuracy, static_cast<std::uint64_t>(guard.accuracy.count()), "accuracy"));
  TRY(accuracy.End());
  if (fields.Peek() == der::kInteger) TRY(fields.Any());  // nonce, of the client's choice
  return fields.End();
}

Outcome CheckBoth(const TimestampGuard& guard, BytesView bytes, schema::Time now) {
  der::Reader both(bytes);
  TRY(const der::Element info, both.Expect(der::kSequence));
  TRY(const der::Element attributes, both.Expect(der::kSet));
  TRY(both.End());
  TRY(CheckTstInfo(guard, info.content, now));
  TRY(const BytesView digest, CheckAttributes(attributes.whole, guard.certificate));
  if (schema::Equal(digest, schema::Sha256(info.whole))) return schema::Ok();
  return Refuse("message-digest is not that of the TSTInfo");
}

// A DER error by a name of the guard's.
template <class T>
Result<T> Named(const char* what, Result<T> checked) {
  if (checked || checked.error().Is(kSignerRefused)) return checked;
  std::string why = what;
  why.append(": ").append(checked.error().detail);
  return Refuse(std::move(why));
}

}  // namespace

Outcome CheckTimestamp(const TimestampGuard& guard, BytesView bytes, schema::Time now) {
  return Named("not a timestamp", CheckBoth(guard, bytes, now));
}

BytesView AttributesOfTimestamp(BytesView bytes) {
  der::Reader both(bytes);
  const auto info = both.Any();
  MUST(info.has_value());
  return bytes.subspan(info->whole.size());
}

Result<BytesView> CheckTimestampAttributes(BytesView bytes, const schema::Hash& certificate) {
  return Named("not the attributes of a timestamp", CheckAttributes(bytes, certificate));
}

}  // namespace hsm
