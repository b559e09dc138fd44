#include "ca/inverse.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "schema/base/result.h"

namespace ca {
namespace {

__extension__ using Double = unsigned __int128;

constexpr std::size_t kLimbs = Limbs().size();
constexpr int kShiftMax = 63;

void AddTo(Limbs& a, const Limbs& b) {
  Double sum = 0;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    sum += Double{a[i]} + b[i];
    a[i] = static_cast<std::uint64_t>(sum);
    sum >>= 64;
  }
}

void SubtractFrom(Limbs& a, const Limbs& b) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    const Double difference = Double{a[i]} - b[i] - borrow;
    a[i] = static_cast<std::uint64_t>(difference);
    borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
  }
}

void ShiftRight(Limbs& a, int bits) {
  for (std::size_t i = 0; i + 1 < kLimbs; ++i) a[i] = a[i] >> bits | a[i + 1] << (64 - bits);
  a[kLimbs - 1] >>= bits;
}

void ShiftLeft(Limbs& a, int bits) {
  for (std::size_t i = kLimbs; --i > 0;) a[i] = a[i] << bits | a[i - 1] >> (64 - bits);
  a[0] <<= bits;
}

bool Less(const Limbs& a, const Limbs& b) {
  return std::ranges::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

// Divides `value` by all its factors of two, and multiplies `other` by as many. How many.
int MoveTwos(Limbs& value, Limbs& other) {
  int moved = 0;
  while (value[0] % 2 == 0) {
    const int bits = std::min(std::countr_zero(value[0]), kShiftMax);
    ShiftRight(value, bits);
    ShiftLeft(other, bits);
    moved += bits;
  }
  return moved;
}

// -1 / odd, modulo 2^64.
std::uint64_t NegatedInverse(std::uint64_t odd) {
  std::uint64_t inverse = odd;                               // right in three bits
  for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;  // each time in twice as many
  return -inverse;
}

// value / 2^bits: what is added to make it even throughout is a multiple of the modulus.
void Halve(Limbs& value, int bits, const Limbs& modulus, std::uint64_t negated_inverse) {
  const std::uint64_t times = value[0] * negated_inverse & ((std::uint64_t{1} << bits) - 1);
  std::array<std::uint64_t, kLimbs + 1> sum;
  Double carry = 0;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    carry += Double{times} * modulus[i] + value[i];
    sum[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  sum[kLimbs] = static_cast<std::uint64_t>(carry);
  for (std::size_t i = 0; i < kLimbs; ++i) value[i] = sum[i] >> bits | sum[i + 1] << (64 - bits);
}

}  // namespace

// B. Kaliski, "The Montgomery Inverse and Its Applications" (1995): u s + v r is the modulus from
// beginning to end, so nothing becomes larger, and v 2^twos is number times s.
Limbs Inverse(const Limbs& number, const Limbs& modulus) {
  Limbs u = modulus, v = number, r{}, s{1};
  int twos = MoveTwos(v, r);
  while (u != v) {
    if (Less(v, u)) {
      SubtractFrom(u, v);
      AddTo(r, s);
      twos += MoveTwos(u, s);
    } else {
      SubtractFrom(v, u);
      AddTo(s, r);
      twos += MoveTwos(v, r);
    }
  }
  MUST(v == Limbs{1});
  const std::uint64_t negated_inverse = NegatedInverse(modulus[0]);
  for (int bits; twos > 0; twos -= bits) {
    bits = std::min(twos, kShiftMax);
    Halve(s, bits, modulus, negated_inverse);
  }
  return s;
}

}  // namespace ca
