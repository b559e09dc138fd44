// A Precertificate Signing Certificate (RFC 6962 3.1): its key signs precertificates in place of
// the issuing key (`log.precertificate: signer`).
#pragma once

#include <optional>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/config.h"

namespace ca {

struct Chain;

extern const schema::ErrorKind kBadPrecertificateChain;  // kUs

struct PrecertificateSigner {
  schema::CertDer certificate;
  schema::NameDer subject;  // what precertificates name as their issuer
  schema::Bytes key_id;     // their AuthorityKeyIdentifier
  schema::SpkiDer spki;
};

// From a PEM file: this certificate, then exactly those of `chain`. kBadPrecertificateChain with
// the first rule broken unless it is
//   issued and signed by the issuing CA, whose path length leaves room for it
//   CA:TRUE, keyCertSign, EKU 1.3.6.1.4.1.11129.2.4.4 alone
//   ECDSA P-256, with another key and another name than the issuing CA's, and SKI
//   with the AKI that leaves of the issuing CA have: RFC 6962 3.2 has readers put it back
//   valid at `now`
schema::Result<PrecertificateSigner> LoadPrecertificateSigner(std::string_view pem,
                                                              const Chain& chain, schema::Time now);

// The one of this configuration; nothing when the issuing key signs precertificates. The detail of
// an error starts with log.precertificate-chain.
schema::Result<std::optional<PrecertificateSigner>> ReadPrecertificateSigner(
    const schema::Config& config, const Chain& chain, schema::Time now);

}  // namespace ca
