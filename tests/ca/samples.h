// Keys, requests and identities that the tests of ca/ share.
#pragma once

#include <string>
#include <string_view>

#include "ca/profile.h"
#include "ca/request.h"
#include "schema/identity.h"
#include "tests/support/test_ca.h"

namespace samples {

inline constexpr std::string_view kProofMessage = "repo:acme/app:ref:refs/heads/main";

// Made once a process, because RSA keys take a second: "P-256", "RSA-2048", …
EVP_PKEY* Key(std::string_view kind);
// By OpenSSL: "PUBLIC KEY", or "RSA PUBLIC KEY".
std::string PublicPem(EVP_PKEY* key);
std::string RsaPublicPem(EVP_PKEY* key);
// An RSA public key of any modulus, by OpenSSL.
schema::OwnedKey RsaOf(const BIGNUM* n, unsigned long e = 65537);
// "SHA256" for P-256 and RSA, and so on.
const char* DigestOf(std::string_view kind);
// ECDSA DER to fixed-length r ‖ s, by OpenSSL.
schema::Bytes FixedLength(schema::BytesView der, int field_size);

// A good request by this key.
ca::KeyRequest Request(std::string_view kind);
ca::SubjectKey ProvenKey(std::string_view kind = "P-256");

inline constexpr ca::Serial kSerial = {0x12, 0x34, 1,  2,  3,  4,  5,  6,  7,  8,
                                       9,    10,   11, 12, 13, 14, 15, 16, 17, 18};
inline constexpr ca::ProfileSettings kSettings{std::chrono::minutes{10}, std::chrono::seconds{30}};

// A GitHub identity with 22 extensions.
schema::Identity Github();
schema::Identity WithSan(schema::San::Kind kind, std::string value);

// What OpenSSL 3.0's command line would say of a certificate of ours, or null.
schema::OwnedCert ParseWithOpenssl(schema::BytesView certificate);

}  // namespace samples
