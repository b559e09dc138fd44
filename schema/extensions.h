// The object identifiers Chancery writes and reads: one table.
#pragma once

#include <string_view>

#include "schema/base/bytes.h"
#include "schema/identity.h"

namespace schema {

namespace oid {  // content octets, ready for der::Writer::Oid
inline constexpr std::uint8_t kKeyUsage[] = {0x55, 0x1d, 0x0f};          // RFC 5280 4.2.1.3
inline constexpr std::uint8_t kExtendedKeyUsage[] = {0x55, 0x1d, 0x25};  // RFC 5280 4.2.1.12
inline constexpr std::uint8_t kSubjectKeyId[] = {0x55, 0x1d, 0x0e};      // RFC 5280 4.2.1.2
inline constexpr std::uint8_t kAuthorityKeyId[] = {0x55, 0x1d, 0x23};    // RFC 5280 4.2.1.1
inline constexpr std::uint8_t kSubjectAltName[] = {0x55, 0x1d, 0x11};    // RFC 5280 4.2.1.6
inline constexpr std::uint8_t kBasicConstraints[] = {0x55, 0x1d, 0x13};  // RFC 5280 4.2.1.9
inline constexpr std::uint8_t kTimeStamping[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08};
inline constexpr std::uint8_t kCodeSigning[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03};
// 1.3.6.1.4.1.11129.2.4.2 and .3 (RFC 6962 3.3, 3.1)
inline constexpr std::uint8_t kSctList[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                            0xd6, 0x79, 0x02, 0x04, 0x02};
inline constexpr std::uint8_t kPoison[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                           0xd6, 0x79, 0x02, 0x04, 0x03};
// 1.3.6.1.4.1.11129.2.4.4 (RFC 6962 3.1): the purpose of a Precertificate Signing Certificate
inline constexpr std::uint8_t kPrecertificateSigning[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                                          0xd6, 0x79, 0x02, 0x04, 0x04};
// 1.3.6.1.4.1.57264.1, to which one octet is added for the arc
inline constexpr std::uint8_t kFulcioPrefix[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                                 0x83, 0xbf, 0x30, 0x01};
inline constexpr std::uint8_t kEcdsaSha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
inline constexpr std::uint8_t kEcdsaSha384[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
inline constexpr std::uint8_t kEcPublicKey[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
inline constexpr std::uint8_t kPrime256v1[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
inline constexpr std::uint8_t kSecp384r1[] = {0x2b, 0x81, 0x04, 0x00, 0x22};
inline constexpr std::uint8_t kSecp521r1[] = {0x2b, 0x81, 0x04, 0x00, 0x23};
inline constexpr std::uint8_t kRsaEncryption[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                                  0x0d, 0x01, 0x01, 0x01};
inline constexpr std::uint8_t kEd25519[] = {0x2b, 0x65, 0x70};
}  // namespace oid

// The OIDs under 1.3.6.1.4.1.57264.1 that a certificate may carry (Fulcio's oid-info).
struct FulcioArc {
  int arc;
  // The key under `extension-templates`; of 1, 8 and 24, which no template fills, a name of ours.
  std::string_view name;
  std::string_view title;  // for people
  bool raw;                // .1 to .6: the bytes of the text; others: DER UTF8String
};
// Ascending. 7 is not an extension and is not in it.
std::span<const FulcioArc> FulcioArcs();
// nullptr when there is none.
const FulcioArc* FindArc(int arc);
const FulcioArc* FindArc(std::string_view name);

}  // namespace schema
