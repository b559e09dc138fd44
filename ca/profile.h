// Identity + SubjectKey → TBSCertificate, and the two ways it is completed (reference: Fulcio 2.1,
// RFC 6962 3.1).
//
//   MakeTbs            the logged TBS: no poison, no SCT list
//   WithPoison         precertificate TBS: critical poison last; for a Precertificate Signing
//                      Certificate also with its name and key id in place of the CA's
//   WithSctList        final TBS: SCT list last
//   WithoutSctList     cuts the SCT list again, to compare with the logged TBS byte for byte
#pragma once

#include "ca/chain.h"
#include "ca/pem.h"  // Pem, which goes with Assemble
#include "ca/request.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/identity.h"

namespace ca {

using Serial = std::array<std::uint8_t, 20>;  // big-endian, top bit clear: 159 random bits

extern const schema::ErrorKind kOutsideCaValidity;  // kUs: now is not inside the chain's validity
extern const schema::ErrorKind
    kIdentityUnfit;  // kToken: the identity cannot be written (SAN not ASCII, too large)
extern const schema::ErrorKind kNoRandomness;  // kUs: the CSPRNG failed
extern const schema::ErrorKind
    kSctMismatch;  // kUs: a final TBS is not the logged one plus an SCT list

struct ProfileSettings {
  std::chrono::seconds lifetime;
  std::chrono::seconds backdate;
};

using PrecertificateTbs = schema::Octets<struct PrecertificateTbsTag>;
using FinalTbs = schema::Octets<struct FinalTbsTag>;

// From the system's CSPRNG; never zero.
schema::Result<Serial> RandomSerial();

// Valid from now - backdate to now + lifetime, clamped to the chain at both ends; `now` truncated
// to seconds. About 1 µs: a DER writer, no X509 object.
schema::Result<schema::TbsDer> MakeTbs(const Chain& chain, const ProfileSettings& settings,
                                       const schema::Identity& identity, const SubjectKey& key,
                                       const Serial& serial, schema::Time now);

schema::Result<PrecertificateTbs> WithPoison(schema::BytesView tbs);
// RFC 6962 3.1. Readers find the logged TBS again by exchanging both back (3.2).
schema::Result<PrecertificateTbs> WithPoison(schema::BytesView tbs,
                                             const PrecertificateSigner& signer);
schema::Result<FinalTbs> WithSctList(schema::BytesView tbs, schema::BytesView sct_list);
schema::Result<schema::TbsDer> WithoutSctList(const FinalTbs& tbs);

// Certificate ::= SEQUENCE { tbs, ecdsa-with-SHA256, BIT STRING signature }
schema::CertDer Assemble(schema::BytesView tbs, const schema::Signature& signature);

// What a reader of the log needs of a TBS; strict, for TBS of this profile only.
struct TbsFacts {
  schema::Bytes serial;  // magnitude
  schema::Time not_before, not_after;
  schema::San san;
  schema::SpkiDer spki;
  std::vector<schema::FulcioExtension> extensions;
};
schema::Result<TbsFacts> ReadTbs(schema::BytesView tbs);

}  // namespace ca
