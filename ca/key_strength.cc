#include "ca/key_strength.h"

#include <array>
#include <bit>
#include <optional>

#include "ca/request.h"

namespace ca {

using schema::BytesView;
using schema::Error;
using schema::OwnedBignum;

namespace {

constexpr unsigned kPrimeLimit = 752;  // as the public web's largest CA does
constexpr unsigned kRocaLimit = 167;   // Nemec et al., CCS 2017: primes that tell the form apart
constexpr int kFermatRounds = 100;
constexpr std::uint8_t kF4[] = {0x01, 0x00, 0x01};

// Primes packed into products below 2^64, so that one division of the modulus serves several of
// them.
struct Chunk {
  std::uint64_t product = 1;
  std::array<std::uint16_t, 16> primes{};
  std::size_t count = 0;
};
struct Sieve {
  std::array<Chunk, 32> chunks{};
  std::size_t count = 0;
};

constexpr bool IsPrime(unsigned n) {
  for (unsigned d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return n >= 2;
}

constexpr Sieve kSieve = [] {
  Sieve sieve;
  sieve.count = 1;
  for (unsigned p = 2; p < kPrimeLimit; ++p) {
    if (!IsPrime(p)) continue;
    if (sieve.chunks[sieve.count - 1].product > UINT64_MAX / p) ++sieve.count;
    Chunk& chunk = sieve.chunks[sieve.count - 1];
    chunk.product *= p;
    chunk.primes[chunk.count++] = static_cast<std::uint16_t>(p);
  }
  return sieve;
}();

// Row p, bit r: r is a power of 65537 modulo p. A ROCA modulus is one modulo every small prime.
constexpr auto kPowersOfF4 = [] {
  std::array<std::array<bool, kRocaLimit + 1>, kRocaLimit + 1> table{};
  for (unsigned p = 3; p <= kRocaLimit; ++p) {
    if (!IsPrime(p)) continue;
    for (unsigned r = 1; !table[p][r]; r = r * (65537 % p) % p) table[p][r] = true;
  }
  return table;
}();

__extension__ using Wide = unsigned __int128;

std::uint64_t Remainder(BytesView big_endian, std::uint64_t divisor) {
  Wide rest = 0;
  std::size_t i = 0;
  // Sizes are multiples of eight: 2048, 3072 and 4096 bits.
  for (; i + 8 <= big_endian.size(); i += 8) {
    std::uint64_t word = 0;
    for (std::size_t j = 0; j < 8; ++j) word = word << 8 | big_endian[i + j];
    rest = (rest << 64 | word) % divisor;
  }
  return static_cast<std::uint64_t>(rest);
}

schema::Outcome CheckFactors(BytesView modulus) {
  bool roca = true;
  for (std::size_t i = 0; i < kSieve.count; ++i) {
    const Chunk& chunk = kSieve.chunks[i];
    const std::uint64_t rest = Remainder(modulus, chunk.product);
    for (std::size_t j = 0; j < chunk.count; ++j) {
      const unsigned p = chunk.primes[j];
      const std::uint64_t r = rest % p;
      if (r == 0) return Error{&kKeyWeak, "RSA modulus has the factor " + std::to_string(p)};
      if (p > 2 && p <= kRocaLimit) roca = roca && kPowersOfF4[p][r];
    }
  }
  if (roca) return Error{&kKeyWeak, "RSA modulus of the ROCA form (CVE-2017-15361)"};
  return schema::Ok();
}

// Floor of the square root of n > 0, by Newton from above.
OwnedBignum SquareRoot(const BIGNUM* n, BN_CTX* scratch) {
  OwnedBignum x(BN_new()), y(BN_new());
  MUST(x && y && BN_set_bit(x.get(), (BN_num_bits(n) + 1) / 2) == 1);
  while (true) {
    MUST(BN_div(y.get(), nullptr, n, x.get(), scratch) == 1);
    MUST(BN_add(y.get(), y.get(), x.get()) == 1 && BN_rshift1(y.get(), y.get()) == 1);
    if (BN_cmp(y.get(), x.get()) >= 0) return x;
    std::swap(x, y);
  }
}

bool IsSquare(const BIGNUM* n, BN_CTX* scratch) {
  if (BN_is_zero(n)) return true;
  const OwnedBignum root = SquareRoot(n, scratch);
  const OwnedBignum square(BN_new());
  MUST(square && BN_sqr(square.get(), root.get(), scratch) == 1);
  return BN_cmp(square.get(), n) == 0;
}

// Squares modulo these words are rare, so all but one candidate in thousands skip the costly root.
constexpr std::array<std::uint32_t, 8> kSquareModuli = {64, 63, 65, 11, 17, 19, 23, 31};
constexpr auto kSquares = [] {
  std::array<std::array<bool, 65>, kSquareModuli.size()> table{};
  for (std::size_t i = 0; i < kSquareModuli.size(); ++i) {
    for (std::uint32_t r = 0; r < kSquareModuli[i]; ++r) table[i][r * r % kSquareModuli[i]] = true;
  }
  return table;
}();

// Fermat: n = a² - b² with a just above √n when the primes are close; a² - n is then soon a square.
schema::Outcome CheckClosePrimes(BytesView modulus) {
  const schema::Owned<BN_CTX, BN_CTX_free> scratch(BN_CTX_new());
  const OwnedBignum n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  MUST(scratch && n);
  const OwnedBignum a = SquareRoot(n.get(), scratch.get());
  const OwnedBignum rest(BN_new());
  std::array<std::uint32_t, kSquareModuli.size()> a_mod{}, n_mod{};
  for (std::size_t i = 0; i < kSquareModuli.size(); ++i) {
    a_mod[i] = static_cast<std::uint32_t>(BN_mod_word(a.get(), kSquareModuli[i]));
    n_mod[i] = static_cast<std::uint32_t>(BN_mod_word(n.get(), kSquareModuli[i]));
  }
  for (int round = 0; round <= kFermatRounds; ++round) {
    bool candidate = true;
    for (std::size_t i = 0; i < kSquareModuli.size() && candidate; ++i) {
      const std::uint32_t m = kSquareModuli[i], x = (a_mod[i] + static_cast<unsigned>(round)) % m;
      candidate = kSquares[i][(x * x + m - n_mod[i]) % m];
    }
    if (!candidate) continue;
    const OwnedBignum x(BN_dup(a.get()));
    MUST(rest && x && BN_add_word(x.get(), static_cast<BN_ULONG>(round)) == 1);
    MUST(BN_sqr(rest.get(), x.get(), scratch.get()) == 1);
    MUST(BN_sub(rest.get(), rest.get(), n.get()) == 1);
    if (!BN_is_negative(rest.get()) && IsSquare(rest.get(), scratch.get())) {
      return Error{&kKeyWeak, "RSA primes are close to each other"};
    }
  }
  return schema::Ok();
}

// Bits of the magnitude, which has no leading zero octet.
std::size_t Bits(BytesView magnitude) {
  if (magnitude.empty()) return 0;
  return (magnitude.size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(magnitude[0]));
}

}  // namespace

schema::Outcome CheckStrength(const RawKey& key) {
  if (key.type != KeyType::kRsa) return schema::Ok();
  const std::size_t bits = Bits(key.modulus);
  if (bits != 2048 && bits != 3072 && bits != 4096) {
    return Error{&kKeyWeak, "RSA of " + std::to_string(bits) + " bits"};
  }
  if (!schema::Equal(key.exponent, kF4)) return Error{&kKeyWeak, "RSA exponent is not 65537"};
  TRY(CheckFactors(key.modulus));
  return CheckClosePrimes(key.modulus);
}

std::string_view AlgorithmName(const RawKey& key) {
  switch (key.type) {
    case KeyType::kP256:
      return "ecdsa-p256";
    case KeyType::kP384:
      return "ecdsa-p384";
    case KeyType::kP521:
      return "ecdsa-p521";
    case KeyType::kEd25519:
      return "ed25519";
    case KeyType::kRsa:
      return key.modulus.size() == 256   ? "rsa-2048"
             : key.modulus.size() == 384 ? "rsa-3072"
                                         : "rsa-4096";
  }
  return "";
}

std::span<const std::string_view> AlgorithmNames() {
  static constexpr std::string_view kNames[] = {"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519",
                                                "rsa-2048",   "rsa-3072",   "rsa-4096"};
  return kNames;
}

}  // namespace ca
