// The check of a timestamp's signed attributes: the signer's own reading, independent of the code
// that wrote them.
#pragma once

#include "hsm/custody.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

// kSignerRefused, with the first rule broken in the detail, unless `bytes` is strict DER of
//   SET OF Attribute (RFC 5652 5.3), exactly these three in this order, one value each:
//     content-type             id-ct-TSTInfo, so that it can never be another kind of CMS message
//     message-digest           32 octets
//     signing-certificate-v2   one ESSCertIDv2 (RFC 5035 4): `certificate`, the SHA-256 of the
//                              timestamp authority's certificate, and nothing else
// It is never a TBSCertificate, a leaf, a tree head or a note: its first octet is that of a SET.
// Safe on any bytes.
schema::Outcome CheckTimestampAttributes(schema::BytesView bytes, const schema::Hash& certificate);

}  // namespace hsm
