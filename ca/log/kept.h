// A certificate as the store keeps it: what it does not share with its entry.
//
// A certificate or precertificate is the TBS of its entry with one extension more, an algorithm and
// a signature, so most of its octets stand in the leaf already. What is kept is 00, then runs until
// the end: u16 n, n octets taken from the leaf at the same place, u16 m, m octets that follow here
// (big-endian). Any octets can be kept and restored with any leaf; they only take more room when
// they do not fit it. A certificate kept whole starts with 30, as DER does. Pure.
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

// `certificate` is not empty, and DER when it is over 65,535 octets.
schema::Bytes Keep(schema::BytesView leaf, schema::BytesView certificate);
// sqlite::kBroken for what Keep did not write. Safe on any bytes.
schema::Result<schema::CertDer> Restore(schema::BytesView leaf, schema::BytesView kept);

}  // namespace ca
