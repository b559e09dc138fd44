// EC_GROUP_precompute_mult is deprecated without a successor: whoever verifies for one key only can
// do it in half the time, and every certificate is verified.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "ca/issuer_key.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>

#include <array>

#include "ca/chain.h"
#include "ca/inverse.h"

namespace ca {

using schema::Error;

namespace {

constexpr std::size_t kPointBytes = 65;

using Point = schema::Owned<EC_POINT, EC_POINT_free>;
using BignumContext = schema::Owned<BN_CTX, BN_CTX_free>;

// Strict: what OpenSSL would write of it. Null otherwise.
schema::OwnedEcdsaSig ParseSignature(schema::BytesView der) {
  const std::uint8_t* at = der.data();
  schema::OwnedEcdsaSig signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return nullptr;
  std::uint8_t* written = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &written);
  const bool same = size > 0 && schema::Equal({written, static_cast<std::size_t>(size)}, der);
  OPENSSL_free(written);
  return same ? std::move(signature) : nullptr;
}

using Octets = std::array<std::uint8_t, sizeof(Limbs)>;  // the least significant first

Limbs LimbsOf(const BIGNUM* number) {
  Octets octets;
  MUST(BN_bn2lebinpad(number, octets.data(), static_cast<int>(octets.size())) ==
       static_cast<int>(octets.size()));
  Limbs limbs{};
  for (std::size_t i = octets.size(); i-- > 0;) limbs[i / 8] = limbs[i / 8] << 8 | octets[i];
  return limbs;
}

schema::OwnedBignum NumberOf(const Limbs& limbs) {
  Octets octets;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    octets[i] = static_cast<std::uint8_t>(limbs[i / 8] >> i % 8 * 8);
  }
  return schema::OwnedBignum(BN_lebin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

}  // namespace

const schema::ErrorKind kSelfCheck = {
    "signature-self-check", schema::Fault::kBusy,
    "the signing device returned a wrong signature, which was withheld; retry"};

schema::Result<IssuerKey> IssuerKey::Load(const schema::SpkiDer& spki) {
  const std::uint8_t* at = spki.view().data();
  const schema::OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  std::array<std::uint8_t, kPointBytes> octets;
  std::size_t size = 0;
  if (!key || EVP_PKEY_get_bits(key.get()) != 256 || !EVP_PKEY_is_a(key.get(), "EC") ||
      EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, octets.data(),
                                      octets.size(), &size) != 1) {
    return Error{&kBadChain, "the issuing key is not ECDSA P-256"};
  }
  Group curve(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  MUST(curve);
  Group own(EC_GROUP_dup(curve.get()));
  MUST(own);
  const Point point(EC_POINT_new(own.get()));
  // Refuses what is not on the curve: the key may be of another one of 256 bits.
  if (!point || EC_POINT_oct2point(own.get(), point.get(), octets.data(), size, nullptr) != 1) {
    return Error{&kBadChain, "the issuing key is not ECDSA P-256"};
  }
  MUST(EC_GROUP_set_generator(own.get(), point.get(), EC_GROUP_get0_order(curve.get()),
                              EC_GROUP_get0_cofactor(curve.get())) == 1);
  MUST(EC_GROUP_precompute_mult(own.get(), nullptr) == 1);
  return IssuerKey(std::move(curve), std::move(own));
}

schema::Outcome IssuerKey::Verify(schema::BytesView bytes,
                                  const schema::Signature& signature) const {
  const schema::OwnedEcdsaSig parsed = ParseSignature(signature.view());
  if (!parsed) return Error{&kSelfCheck, "not an ECDSA-Sig-Value in DER"};
  if (!Verifies(schema::Sha256(bytes), parsed.get())) {
    return Error{&kSelfCheck, "it does not verify"};
  }
  return schema::Ok();
}

// SEC 1 4.1.4: R = (e/s) G + (r/s) Q, and r is its x. All of it is public, so no care is taken of
// time.
bool IssuerKey::Verifies(const schema::Hash& digest, const ECDSA_SIG* signature) const {
  const BIGNUM *r, *s;
  ECDSA_SIG_get0(signature, &r, &s);
  const BIGNUM* order = EC_GROUP_get0_order(curve_.get());
  const auto in_range = [order](const BIGNUM* n) {
    return !BN_is_zero(n) && !BN_is_negative(n) && BN_cmp(n, order) < 0;
  };
  if (!in_range(r) || !in_range(s)) return false;

  const BignumContext context(BN_CTX_new());
  const schema::OwnedBignum e(BN_bin2bn(digest.data(), static_cast<int>(digest.size()), nullptr));
  const schema::OwnedBignum u1(BN_new()), u2(BN_new()), x(BN_new());
  const Point sum(EC_POINT_new(curve_.get())), other(EC_POINT_new(curve_.get()));
  MUST(context && e && u1 && u2 && x && sum && other);
  // The order is prime: each s in range has one.
  const schema::OwnedBignum inverse = NumberOf(Inverse(LimbsOf(s), LimbsOf(order)));
  MUST(inverse);
  MUST(BN_mod_mul(u1.get(), e.get(), inverse.get(), order, context.get()) == 1);
  MUST(BN_mod_mul(u2.get(), r, inverse.get(), order, context.get()) == 1);
  MUST(EC_POINT_mul(curve_.get(), sum.get(), u1.get(), nullptr, nullptr, context.get()) == 1);
  MUST(EC_POINT_mul(key_.get(), other.get(), u2.get(), nullptr, nullptr, context.get()) == 1);
  MUST(EC_POINT_add(curve_.get(), sum.get(), sum.get(), other.get(), context.get()) == 1);
  if (EC_POINT_is_at_infinity(curve_.get(), sum.get()) == 1) return false;
  MUST(EC_POINT_get_affine_coordinates(curve_.get(), sum.get(), x.get(), nullptr, context.get()) ==
       1);
  MUST(BN_nnmod(x.get(), x.get(), order, context.get()) == 1);
  return BN_cmp(x.get(), r) == 0;
}

}  // namespace ca
