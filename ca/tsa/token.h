// The three layers of a timestamp token in DER: TSTInfo (RFC 3161 2.4.2), the signed attributes
// over it, and the CMS SignedData around both (RFC 5652 5.1).
//
// All are pure.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include "ca/tsa/chain.h"
#include "ca/tsa/request.h"
#include "schema/base/bytes.h"
#include "schema/base/time.h"

namespace ca {

using StampSerial = std::array<std::uint8_t, 16>;  // magnitude; the first bit is never set

struct TstFacts {
  schema::BytesView policy;  // OID content
  StampSerial serial;
  schema::TimeMs time;            // genTime, written to the second
  std::chrono::seconds accuracy;  // 1 to 127
};
// The rounding down to the second is within an accuracy of a second. ordering is FALSE: two stamps
// within one second are not in an order.
schema::Bytes WriteTstInfo(const TstFacts& facts, const TimestampRequest& request);

// SET OF Attribute, as it is signed (RFC 5652 5.4): content-type, message-digest and
// signing-certificate-v2, in the order of DER (X.690 11.6).
schema::Bytes WriteSignedAttributes(schema::BytesView tst_info, const schema::Hash& certificate);

// ContentInfo. `embedded`: those of the chain that go into the token, none, the first or all; their
// SET is in the order of DER too, which OpenSSL does not see to and strict readers demand.
schema::Bytes WriteToken(schema::BytesView tst_info, schema::BytesView signed_attributes,
                         const schema::Signature& signature, const TimestampChain& chain,
                         std::size_t embedded);

}  // namespace ca
