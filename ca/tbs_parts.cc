#include "ca/tbs_parts.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::Result;
namespace der = schema::der;

const schema::ErrorKind kBadTbs{"tbs-malformed", schema::Fault::kUs,
                                "a certificate does not have the form Chancery writes; this is a "
                                "defect, report the request id"};

namespace {

constexpr std::size_t kExtensionsMax = 64;

// Extension ::= SEQUENCE { extnID OID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
Result<Extension> CutExtension(const der::Element& element) {
  der::Reader fields(element.content);
  TRY(const der::Element name, fields.Expect(der::kOid));
  bool critical = false;
  if (fields.Peek() == der::kBoolean) {
    TRY(critical, fields.Boolean());
    if (!critical) return Error{&kBadTbs, "critical FALSE is written"};  // X.690 11.5
  }
  TRY(const der::Element value, fields.Expect(der::kOctetString));
  TRY(fields.End());
  return Extension{name.content, critical, value.content, element.whole};
}

schema::Outcome CutExtensions(der::Reader fields, TbsParts* parts) {
  TRY(der::Reader wrapper, fields.Enter(der::ContextConstructed(3)));
  TRY(fields.End());
  TRY(const der::Element list, wrapper.Expect(der::kSequence));
  TRY(wrapper.End());
  parts->extension_bytes = list.content;
  parts->extensions.reserve(32);
  for (der::Reader rest(list.content); !rest.AtEnd();) {
    if (parts->extensions.size() == kExtensionsMax) return Error{&kBadTbs, "too many extensions"};
    TRY(const der::Element element, rest.Expect(der::kSequence));
    TRY(Extension extension, CutExtension(element));
    parts->extensions.push_back(extension);
  }
  if (parts->extensions.empty())
    return Error{&kBadTbs, "no extension"};  // RFC 5280 4.1: SIZE (1..MAX)
  return schema::Ok();
}

schema::Outcome CutValidity(der::Reader validity, TbsParts* parts) {
  parts->not_before_tag = validity.Peek();
  TRY(parts->not_before, validity.Time());
  parts->not_after_tag = validity.Peek();
  TRY(parts->not_after, validity.Time());
  return validity.End();
}

Result<TbsParts> Cut(BytesView tbs) {
  der::Reader outer(tbs);
  TRY(const der::Element whole, outer.Expect(der::kSequence));
  TRY(outer.End());
  TbsParts parts{};
  der::Reader fields(whole.content);
  TRY(const der::Element version, fields.Expect(der::ContextConstructed(0)));
  parts.version = version.content;
  TRY(parts.serial, fields.UnsignedInteger());
  TRY(const der::Element algorithm, fields.Expect(der::kSequence));
  parts.algorithm = algorithm.content;
  TRY(const der::Element issuer, fields.Expect(der::kSequence));
  parts.issuer = issuer.whole;
  TRY(const der::Reader validity, fields.Enter(der::kSequence));
  TRY(CutValidity(validity, &parts));
  TRY(const der::Element subject, fields.Expect(der::kSequence));
  parts.subject = subject.content;
  TRY(const der::Element spki, fields.Expect(der::kSequence));
  parts.spki = spki.whole;
  parts.head = {whole.content.data(), spki.whole.data() + spki.whole.size()};
  TRY(CutExtensions(fields, &parts));
  return parts;
}

}  // namespace

Error AsBadTbs(Error error) {
  if (error.Is(kBadTbs)) return error;
  return {&kBadTbs, std::move(error.detail)};
}

Result<TbsParts> CutTbs(BytesView tbs) {
  Result<TbsParts> parts = Cut(tbs);
  if (!parts) return AsBadTbs(std::move(parts).error());
  return parts;
}

}  // namespace ca
