#include "ca/log/signers.h"

#include <algorithm>

#include "ca/tbs_facts.h"
#include "ca/tbs_parts.h"
#include "schema/base/der.h"
#include "schema/extensions.h"

namespace ca {

using schema::CertDer;
using schema::Error;
using schema::Result;
namespace der = schema::der;

Result<std::optional<CertDer>> FindSigner(sqlite::Statement& statement,
                                          const CertDer& precertificate) {
  const auto tbs = der::Reader(precertificate.view()).Enter(der::kSequence);
  if (!tbs) return AsBadTbs(tbs.error());
  const auto element = der::Reader(*tbs).Expect(der::kSequence);
  if (!element) return AsBadTbs(element.error());
  TRY(const TbsParts parts, CutTbs(element->whole));
  const auto authority = std::ranges::find_if(parts.extensions, [](const Extension& extension) {
    return schema::Equal(extension.oid, schema::oid::kAuthorityKeyId);
  });
  if (authority == parts.extensions.end()) {
    return Error{&kBadTbs, "a precertificate has no AuthorityKeyIdentifier"};
  }
  TRY(const schema::BytesView key_id, ReadAki(*authority));
  TRY(const bool row, statement.Start(parts.issuer, key_id).Next());
  std::optional<CertDer> found;
  if (row) found = CertDer(schema::ToBytes(statement.Blob(0)));
  TRY(statement.Run());
  return found;
}

}  // namespace ca
