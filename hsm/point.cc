#include "hsm/point.h"

#include <openssl/ecdsa.h>

#include <array>

#include "hsm/custody.h"
#include "hsm/digest.h"
#include "hsm/key.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Result;

Result<schema::SpkiDer> SpkiOfPoint(BytesView params, BytesView point) {
  constexpr std::size_t kPointBytes = 65;
  constexpr std::array<std::uint8_t, 10> kP256 = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                                  0xce, 0x3d, 0x03, 0x01, 0x07};
  if (!schema::Equal(params, kP256)) return Error{&kKeyUnusable, "not an ECDSA P-256 key"};
  constexpr std::array<std::uint8_t, 2> kOctetString = {0x04, kPointBytes};
  if (point.size() == kPointBytes + 2 && schema::Equal(point.first(2), kOctetString)) {
    point = point.subspan(2);
  }
  if (point.size() != kPointBytes || point[0] != 0x04) {
    return Error{&kKeyUnusable, "CKA_EC_POINT is no uncompressed P-256 point"};
  }
  Bytes spki(kP256SpkiHead.begin(), kP256SpkiHead.end());
  spki.insert(spki.end(), point.begin() + 1, point.end());
  const unsigned char* p = spki.data();
  const schema::OwnedKey key(d2i_PUBKEY(nullptr, &p, static_cast<long>(spki.size())));
  if (key == nullptr) return Error{&kKeyUnusable, "CKA_EC_POINT is not on P-256"};
  return schema::SpkiDer(std::move(spki));
}

Result<schema::Signature> EcdsaSigValue(BytesView raw) {
  constexpr int kHalf = 32;
  if (raw.size() != 2 * kHalf) {
    return Error{&kDeviceFailed, "a signature of " + std::to_string(raw.size()) + " octets"};
  }
  const schema::OwnedEcdsaSig both(ECDSA_SIG_new());
  MUST(both != nullptr);
  MUST(ECDSA_SIG_set0(both.get(), BN_bin2bn(raw.data(), kHalf, nullptr),
                      BN_bin2bn(raw.data() + kHalf, kHalf, nullptr)) == 1);
  Bytes der(kP256SignatureBytesMax);
  unsigned char* out = der.data();
  const int size = i2d_ECDSA_SIG(both.get(), &out);
  MUST(size > 0 && static_cast<std::size_t>(size) <= der.size());
  der.resize(static_cast<std::size_t>(size));
  return schema::Signature(std::move(der));
}

}  // namespace hsm
