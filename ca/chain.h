// The issuing CA's certificate chain, read once at start and checked so that clients will accept
// it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/precertificate_signer.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca {

extern const schema::ErrorKind kBadChain;

struct Chain {
  std::vector<schema::CertDer> certificates;  // issuing CA first, root last; at least one
  std::vector<std::string> pem;               // the same, each without a trailing newline
  schema::NameDer subject;                    // issuing CA's subject, for the leaf's issuer field
  schema::SpkiDer spki;                       // issuing CA's SubjectPublicKeyInfo
  schema::Hash key_hash;                      // SHA-256 of spki: RFC 6962 issuer_key_hash
  schema::Bytes key_id;                       // issuing CA's SubjectKeyIdentifier, not empty
  schema::Time not_before, not_after;         // the intersection of all certificates' validity
  std::string organization, common_name;      // of the issuing CA's subject, for trust documents
  // Who signs precertificates; absent: the issuing key. Not LoadChain's to set.
  std::optional<PrecertificateSigner> precertificate_signer{};
};

// kBadChain, naming which certificate (1 = issuing CA) and why, unless: 1 to 8 PEM certificates and
// nothing else; each issued and signed by the next, the last self-signed; all CA:TRUE with
// keyCertSign; path lengths hold; ECDSA P-256 issuing key; SKI present; EKU of an intermediate
// absent or containing codeSigning; valid at `now`; issuing subject has O= (gh needs it). A chain
// of one self-signed certificate is refused: clients want at least an issuing CA and a root.
schema::Result<Chain> LoadChain(std::string_view pem, schema::Time now);

}  // namespace ca
