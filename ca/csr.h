// PKCS#10 certification request (RFC 2986): only its key and its signature matter, all of it must
// be DER.
#pragma once

#include <string_view>

#include "ca/spki.h"

namespace ca {

enum class Digest { kNone, kSha256, kSha384, kSha512 };

struct Csr {
  schema::BytesView signed_bytes;  // CertificationRequestInfo; views the DER it was read from
  RawKey key;
  KeyType algorithm_type;  // the key type the signature algorithm is for; any curve for ECDSA
  Digest digest;
  schema::BytesView signature;
};

// kCsrMalformed    not one DER CertificationRequest, version 0, with the attributes field
// kKeyMalformed    its key cannot be read (spki.h)
// kKeyAlgorithm    signature algorithm not ecdsa-with-SHA256/384/512, sha256WithRSAEncryption or
// Ed25519 Subject and attributes are checked for shape and ignored. Safe on any bytes
// (tests/fuzz/csr_fuzz.cc).
schema::Result<Csr> ReadCsr(schema::BytesView der);

}  // namespace ca
