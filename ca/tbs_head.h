// How every certificate of ours begins (RFC 5280 4.1.2).
#pragma once

#include "ca/profile.h"
#include "schema/base/der.h"
#include "schema/base/time.h"

namespace ca {

// The fields of a TBSCertificate from version to validity: v3, ecdsa-with-SHA256. `issuer` is a
// Name in DER.
void WriteTbsHead(schema::der::Writer* out, const Serial& serial, schema::BytesView issuer,
                  schema::Time not_before, schema::Time not_after);

}  // namespace ca
