#include "ca/inverse.h"

#include <doctest/doctest.h>
#include <openssl/bn.h>

#include <cstdint>
#include <string>

#include "schema/base/openssl.h"
#include "schema/base/result.h"

namespace {

using ca::Limbs;

std::string HexOf(const Limbs& limbs) {
  std::string out;
  for (auto limb = limbs.rbegin(); limb != limbs.rend(); ++limb) {
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[*limb >> shift & 15];
  }
  return out;
}

schema::OwnedBignum Number(const Limbs& limbs) {
  BIGNUM* number = nullptr;
  MUST(BN_hex2bn(&number, HexOf(limbs).c_str()) > 0);
  return schema::OwnedBignum(number);
}

// Of P-256 (FIPS 186-4 D.1.2.3) and secp256k1: orders and fields; and small ones.
constexpr Limbs kModuli[] = {
    {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000},
    {0xffffffffffffffff, 0x00000000ffffffff, 0, 0xffffffff00000001},
    {0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, 0xffffffffffffffff},
    {0xfffffffefffffc2f, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff},
    {13, 0, 0, 0},
    {0xffffffffffffffc5, 0, 0, 0},  // the largest prime below 2^64
};

// Whether it is in range and the product is one, by OpenSSL's arithmetic.
bool IsInverse(const Limbs& number, const Limbs& modulus) {
  const schema::OwnedBignum n = Number(number), m = Number(modulus),
                            i = Number(ca::Inverse(number, modulus)), product(BN_new());
  const schema::Owned<BN_CTX, BN_CTX_free> context(BN_CTX_new());
  MUST(BN_mod_mul(product.get(), n.get(), i.get(), m.get(), context.get()) == 1);
  return BN_is_one(product.get()) && BN_cmp(i.get(), m.get()) < 0;
}

TEST_CASE("the product of a number and its inverse is one") {
  for (const Limbs& modulus : kModuli) {
    const schema::OwnedBignum m = Number(modulus), random(BN_new());
    const bool large = modulus[3] != 0;
    CAPTURE(HexOf(modulus));
    CHECK(ca::Inverse({1}, modulus) == Limbs{1});
    Limbs minus_one = modulus;  // odd: nothing is borrowed
    --minus_one[0];
    CHECK(ca::Inverse(minus_one, modulus) == minus_one);
    for (std::uint64_t small = 1; small < 13; ++small) CHECK(IsInverse({small}, modulus));
    // A power of two in each place: whole limbs are shifted out.
    for (std::size_t bit = 0; large && bit < 255; ++bit) {
      Limbs power{};
      power[bit / 64] = std::uint64_t{1} << bit % 64;
      CHECK(IsInverse(power, modulus));
    }
    for (int i = 0; large && i < 1000; ++i) {
      MUST(BN_priv_rand_range(random.get(), m.get()) == 1);
      Limbs number{};
      for (std::size_t bit = 0; bit < 256; ++bit) {
        const std::uint64_t set = BN_is_bit_set(random.get(), static_cast<int>(bit)) ? 1 : 0;
        number[bit / 64] |= set << bit % 64;
      }
      CAPTURE(HexOf(number));
      if (!BN_is_zero(random.get())) CHECK(IsInverse(number, modulus));
    }
  }
}

}  // namespace
