// What a client asks a timestamp authority for: TimeStampReq in DER (RFC 3161 2.4.1), or the JSON
// object of Sigstore's timestamp-authority.
//
// Neither reader blocks or reads a clock. Safe on any bytes (tests/fuzz/timestamp_fuzz.cc).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

inline constexpr std::size_t kTimestampRequestBytesMax = 1024;  // either form
inline constexpr std::size_t kNonceBytesMax = 64;               // content of the INTEGER

// All kCaller; each stands for one PKIFailureInfo (status.h).
extern const schema::ErrorKind kTimestampMalformed;  // badDataFormat
extern const schema::ErrorKind kTimestampVersion;    // badRequest
extern const schema::ErrorKind kTimestampAlgorithm;  // badAlg
extern const schema::ErrorKind kTimestampExtension;  // unacceptedExtension

// What a message imprint may be hashed with.
struct ImprintAlgorithm {
  std::string_view name;  // "sha256", in JSON and in events
  schema::BytesView oid;
  std::size_t digest_size;  // octets
};
const std::array<ImprintAlgorithm, 3>& ImprintAlgorithms();  // SHA-256, SHA-384, SHA-512

struct TimestampRequest {
  schema::Bytes imprint;  // MessageImprint in DER, to be copied into the token as it is
  const ImprintAlgorithm* algorithm = nullptr;
  schema::Bytes digest;               // within `imprint`
  std::optional<std::string> policy;  // dotted decimal
  schema::Bytes nonce;                // INTEGER in DER, to be copied likewise; empty: none
  bool certificates = false;          // certReq
};

//   version         1, else kTimestampVersion
//   messageImprint  SHA-256, -384 or -512, else kTimestampAlgorithm; parameters absent or NULL; a
//                   digest of that length
//   nonce           any minimal INTEGER of at most kNonceBytesMax octets
//   certReq         FALSE may be written, which DER forbids and some clients do
//   extensions      none, else kTimestampExtension
// kTimestampMalformed: anything else that is not DER to the last octet.
schema::Result<TimestampRequest> ParseTimestampRequest(schema::BytesView der);

// {"artifactHash": base64, "hashAlgorithm": "sha256" | "sha384" | "sha512", "certificates": bool,
// "nonce": 0 to 2^64-1, "tsaPolicyOID": "1.2.3"}; the first two are needed, others are refused.
// kTimestampMalformed, kTimestampAlgorithm.
schema::Result<TimestampRequest> ParseTimestampRequestJson(std::string_view text);

}  // namespace ca
