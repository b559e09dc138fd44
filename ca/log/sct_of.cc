#include "ca/log/sct_of.h"

#include "ca/profile.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/extensions.h"

namespace ca {

using schema::Error;
using schema::Result;

Result<schema::Sct> SctOf(const schema::CertDer& certificate) {
  schema::der::Reader outer(certificate.view());
  TRY(schema::der::Reader inner, outer.Enter(schema::der::kSequence));
  TRY(const schema::der::Element tbs, inner.Expect(schema::der::kSequence));
  TRY(const TbsParts parts, CutTbs(tbs.whole));
  for (const Extension& extension : parts.extensions) {
    if (!schema::Equal(extension.oid, schema::oid::kSctList)) continue;
    schema::der::Reader value(extension.value);
    TRY(const schema::der::Element list, value.Expect(schema::der::kOctetString));
    return schema::ParseSctList(list.content);
  }
  return Error{&kSctMismatch, "the certificate has no SCT list"};
}

}  // namespace ca
