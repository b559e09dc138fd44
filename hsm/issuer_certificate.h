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

}  // namespace hsm
