// What a signer is willing to sign: the last line between a compromised front process and the keys.
#pragma once

#include <optional>

#include "hsm/custody.h"
#include "hsm/guard_timestamp.h"
#include "hsm/issuer_certificate.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace hsm {

// A probe's bytes start with this; it is never the start of DER, a leaf, a tree head or a note.
inline constexpr std::string_view kProbePrefix = "chancery probe\n";

struct GuardSettings {
  schema::NameDer issuer;       // subject of the issuing CA, compared byte for byte
  schema::Bytes issuer_key_id;  // the CA's SubjectKeyIdentifier; AKI must equal it
  schema::SpkiDer issuing_key;  // for the issuer_key_hash of leaves
  // Of the Precertificate Signing Certificate (RFC 6962 3.1), which precertificates name instead;
  // absent: the issuing key signs them.
  std::optional<IssuerCertificate> precertificate{};
  std::chrono::seconds lifetime_max;     // notAfter - notBefore at most this (lifetime + backdate)
  std::chrono::seconds clock_skew{300};  // notBefore at most this ahead of the signer's own clock
  std::string certificates_origin;
  std::string events_origin;
  std::optional<TimestampGuard> timestamp{};  // absent: no timestamp authority, and no stamps
};

// kSignerRefused, with the first rule broken in the detail, unless `bytes` is a thing of this
// purpose:
//   kCertificate     strict DER TBSCertificate, version 3, ecdsa-with-SHA256, our issuer, empty
//   subject,
//                    validity within the limit, begun and not over, extensions exactly: critical
//                    KeyUsage digitalSignature, EKU codeSigning alone, SKI, AKI, critical SAN of
//                    one name, known Fulcio arcs, then one SCT list of one SCT, last; none twice;
//                    no BasicConstraints
//   kPrecertificate  the same with critical poison in place of the SCT list, and with the name and
//                    AKI of the Precertificate Signing Certificate where there is one; it may be
//                    old and as long as any configuration allows, because those missing after a
//                    crash are made up later, and no verifier takes one
//   kSct             a leaf (schema/log/leaf.h) of our issuer key, its TBSCertificate as for a
//   precertificate
//                    with neither of the two
//   kTreeHead        28 + 32 octets of schema::TreeHeadInput
//   kTimestamp       of guard_timestamp.h, near `now`
//   k…Note           three lines of a checkpoint with our origin
//   kProbe           kProbePrefix and at most 64 octets more
schema::Outcome Allow(const GuardSettings& settings, Purpose purpose, schema::BytesView bytes,
                      schema::Time now);

}  // namespace hsm
