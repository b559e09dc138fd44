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

Outcome CheckMessageDigest(BytesView value) {
  der::Reader reader(value);
  TRY(const der::Element digest, reader.Expect(der::kOctetString));
  if (digest.content.size() == std::tuple_size_v<schema::Hash>) return schema::Ok();
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

Outcome Check(BytesView bytes, const schema::Hash& certificate) {
  der::Reader outer(bytes);
  TRY(der::Reader attributes, outer.Enter(der::kSet));
  TRY(outer.End());
  TRY(const BytesView type, Need(attributes, oid::kContentType, "content-type"));
  TRY(CheckContentType(type));
  TRY(const BytesView digest, Need(attributes, oid::kMessageDigest, "message-digest"));
  TRY(CheckMessageDigest(digest));
  TRY(const BytesView signing,
      Need(attributes, oid::kSigningCertificateV2, "signing-certificate-v2"));
  TRY(CheckSigningCertificate(signing, certificate));
  return attributes.End();
}

}  // namespace

Outcome CheckTimestampAttributes(BytesView bytes, const schema::Hash& certificate) {
  const Outcome checked = Check(bytes, certificate);
  if (checked || checked.error().Is(kSignerRefused)) return checked;
  return Refuse("not the attributes of a timestamp: " + checked.error().detail);
}

}  // namespace hsm
