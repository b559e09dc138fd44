// What a signer compares with of the certificate above those it signs.
#pragma once

#include <filesystem>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace hsm {

struct IssuerCertificate {
  schema::NameDer subject;
  schema::Bytes key_id;  // SubjectKeyIdentifier
  schema::SpkiDer key;
};

// Of the first certificate in a PEM file. kKeyUnusable; a file's own error. Nothing is verified:
// ca/chain and ca/precertificate_signer do that on the network side.
schema::Result<IssuerCertificate> ReadIssuerCertificate(const std::filesystem::path& pem);

// What a signer compares a timestamp's attributes with.
struct FirstCertificate {
  schema::Hash digest;  // SHA-256 of all of it, as ESSCertIDv2 has it (RFC 5035 4)
  schema::SpkiDer key;
};
// The same file's errors; ca/tsa/chain verifies it on the network side.
schema::Result<FirstCertificate> ReadFirstCertificate(const std::filesystem::path& pem);

}  // namespace hsm
