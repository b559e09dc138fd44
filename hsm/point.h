// EC keys and signatures between PKCS#11's forms and those of certificates.
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

// SubjectPublicKeyInfo (RFC 5480) of CKA_EC_PARAMS and CKA_EC_POINT (PKCS#11 2.40 curr 2.3.3):
// P-256 by name and an uncompressed point, in an OCTET STRING or, as some modules have it, bare.
// kKeyUnusable otherwise.
schema::Result<schema::SpkiDer> SpkiOfPoint(schema::BytesView params, schema::BytesView point);

// ECDSA-Sig-Value (RFC 3279 2.2.3) of r and s side by side (PKCS#11 2.40 curr 2.3.1).
// kDeviceFailed unless they are 64 octets.
schema::Result<schema::Signature> EcdsaSigValue(schema::BytesView raw);

}  // namespace hsm
