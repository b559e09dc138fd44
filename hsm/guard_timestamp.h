// The check of a timestamp: the signer's own reading of TSTInfo and signed attributes, independent
// of the code that wrote them.
#pragma once

#include <chrono>

#include "hsm/custody.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace hsm {

// What is compared with, from `tsa` and the first certificate of its chain.
struct TimestampGuard {
  schema::Hash certificate;  // SHA-256 of the timestamp authority's certificate
  schema::SpkiDer key;       // of it
  schema::Bytes policy;      // content octets of the OID
  std::chrono::seconds accuracy;
};

// How far genTime may be from the signer's own clock. Ahead: the server tells a time that stands
// still for up to a second when its clock is set back. Behind: the longest ca.sign-deadline, for
// what waited before a slow token; more would let a compromised front put stamps into the past.
inline constexpr std::chrono::seconds kStampAhead{2};
inline constexpr std::chrono::seconds kStampBehind{30};

// kSignerRefused, with the first rule broken in the detail, unless `bytes` are, in strict DER and
// one behind the other,
//   TSTInfo (RFC 3161 2.4.2)   version 1; our policy; a SHA-256, -384 or -512 imprint of its
//   length;
//                              a positive serial number of at most 20 octets; genTime to the
//                              second, near `now`; our accuracy; perhaps a nonce; nothing else
//   signed attributes          as CheckTimestampAttributes has them, of that TSTInfo
// Safe on any bytes.
schema::Outcome CheckTimestamp(const TimestampGuard& guard, schema::BytesView bytes,
                               schema::Time now);
// The attributes in bytes that CheckTimestamp took: what is signed.
schema::BytesView AttributesOfTimestamp(schema::BytesView bytes);

// The octets of message-digest. kSignerRefused, with the first rule broken in the detail, unless
// `bytes` is strict DER of
//   SET OF Attribute (RFC 5652 5.3), exactly these three in this order, one value each:
//     content-type             id-ct-TSTInfo, so that it can never be another kind of CMS message
//     message-digest           32 octets
//     signing-certificate-v2   one ESSCertIDv2 (RFC 5035 4): `certificate`, the SHA-256 of the
//                              timestamp authority's certificate, and nothing else
// It is never a TBSCertificate, a leaf, a tree head or a note: its first octet is that of a SET.
// Safe on any bytes.
schema::Result<schema::BytesView> CheckTimestampAttributes(schema::BytesView bytes,
                                                           const schema::Hash& certificate);

}  // namespace hsm
