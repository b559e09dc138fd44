#include "ca/tbs_head.h"

#include "schema/extensions.h"

namespace ca {

namespace der = schema::der;

void WriteTbsHead(der::Writer* out, const Serial& serial, schema::BytesView issuer,
                  schema::Time not_before, schema::Time not_after) {
  const std::size_t version = out->Begin(der::ContextConstructed(0));
  out->SmallInteger(2);  // v3
  out->End(version);
  out->UnsignedInteger(serial);
  const std::size_t algorithm = out->Begin(der::kSequence);
  out->Oid(schema::oid::kEcdsaSha256);  // RFC 5758 3.2: no parameters
  out->End(algorithm);
  out->Raw(issuer);
  const std::size_t validity = out->Begin(der::kSequence);
  out->Time(not_before);
  out->Time(not_after);
  out->End(validity);
}

}  // namespace ca
