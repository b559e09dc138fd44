// What an audit takes as given: the authorities and the logs' keys, from the reviewer's own copy of
// the trust documents and not from the server or the directory that is audited.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ca/audit/public_key.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/log/verifier_key.h"

namespace ca::audit {

extern const schema::ErrorKind kBadAnchors;  // kCaller: names the document and what is wrong

// A CA that may issue: the first certificate of a chain.
struct Authority {
  schema::CertDer certificate;
  schema::NameDer subject;
  schema::Hash fingerprint;  // SHA-256 of the certificate
  schema::Hash key_hash;     // of its SubjectPublicKeyInfo
  schema::Time not_before, not_after;
  PublicKey key;
};

// A certificates log.
struct LogKey {
  schema::VerifierKey verifier;  // kTreeHead
  schema::Hash log_id;
  PublicKey key;
};

struct Anchors {
  std::vector<Authority> authorities;
  std::vector<LogKey> logs;
  std::vector<schema::VerifierKey> notes;      // Ed25519 keys of both logs
  std::vector<schema::VerifierKey> witnesses;  // cosignatures

  const Authority* FindAuthority(const schema::Hash& key_hash) const;
  const LogKey* FindLog(std::string_view origin) const;
  const schema::VerifierKey* FindNote(std::string_view origin) const;
};

//   trusted_root  sigstore TrustedRoot (JSON): its certificateAuthorities
//   keys          a verifier key a line (C2SP signed-note); empty lines and lines that start with #
//                 are skipped. Each log's by the type: 05 and 01 with the name of its origin;
//                 witnesses are of type 04
schema::Result<Anchors> ReadAnchors(std::string_view trusted_root, std::string_view keys);

}  // namespace ca::audit
