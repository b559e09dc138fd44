// The inverse of a number modulo an odd one of 256 bits, in a fraction of the time that
// BN_mod_inverse of OpenSSL 3.0 takes, which is that of a multiple of P-256's generator. Its time
// depends on the number: for what is public only.
#pragma once

#include <array>
#include <cstdint>

namespace ca {

using Limbs = std::array<std::uint64_t, 4>;  // the least significant first

// Of 0 < number < modulus, which have no common divisor; `modulus` is odd.
Limbs Inverse(const Limbs& number, const Limbs& modulus);

}  // namespace ca
