// The timestamp authority's own certificate and those above it, refused at start when verifiers
// would refuse its tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca {

extern const schema::ErrorKind kBadTimestampChain;  // kUs

struct TimestampChain {
  std::vector<schema::CertDer> certificates;  // the authority's first, root last; two at least
  std::vector<std::string> pem;               // the same, each without a trailing newline
  schema::SpkiDer spki;                       // of the first
  schema::Hash digest;                        // SHA-256 of the first, for ESSCertIDv2
  schema::Bytes issuer_and_serial;            // of the first, in DER (RFC 5652 10.2.4)
  schema::Time not_before, not_after;         // the intersection of all validities
  std::string organization, common_name;      // of the first one's issuer, for trust documents
};

// kBadTimestampChain, naming which certificate (1 = the authority) and why, unless: 2 to 9 PEM
// certificates and nothing else; each issued and signed by the next, the last self-signed; all
// valid at `now`, where that is asked;
//   the first  no CA; KeyUsage of signatures alone; critical EKU timeStamping alone (RFC 3161 2.3);
//              ECDSA P-256
//   others     CA:TRUE with keyCertSign; EKU absent or with timeStamping
schema::Result<TimestampChain> LoadTimestampChain(std::string_view pem,
                                                  std::optional<schema::Time> now);

}  // namespace ca
