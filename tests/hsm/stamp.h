// A timestamp as a signer is asked for it, one part of which a test may change.
#pragma once

#include "hsm/guard_timestamp.h"
#include "tests/hsm/tbs.h"

namespace tests {

// Each part in DER; what follows is written in this order.
struct StampSpec {
  schema::Bytes version, policy, imprint, serial, time, accuracy, rest;  // of TSTInfo
};
StampSpec SampleStamp(const hsm::TimestampGuard& guard, schema::Time now);
schema::Bytes GenTime(schema::Time time);
schema::Bytes Imprint(schema::BytesView algorithm, std::size_t octets);

schema::Bytes TstInfo(const StampSpec& spec);
// content-type, message-digest of `tst_info`, signing-certificate-v2.
schema::Bytes AttributesOver(schema::BytesView tst_info, const schema::Hash& certificate);
// Both, one behind the other.
schema::Bytes Stamp(const StampSpec& spec, const schema::Hash& certificate);
schema::Bytes HonestStamp(const hsm::TimestampGuard& guard, schema::Time now);

}  // namespace tests
