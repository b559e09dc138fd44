#include "ca/key_strength.h"

#include <doctest/doctest.h>

#include "ca/request.h"
#include "tests/ca/samples.h"

namespace {

using schema::OwnedBignum;

OwnedBignum New() {
  OwnedBignum n(BN_new());
  MUST(n != nullptr);
  return n;
}

schema::Owned<BN_CTX, BN_CTX_free> Scratch() {
  return schema::Owned<BN_CTX, BN_CTX_free>(BN_CTX_new());
}

OwnedBignum Prime(int bits) {
  OwnedBignum p = New();
  MUST(BN_generate_prime_ex(p.get(), bits, 0, nullptr, nullptr, nullptr) == 1);
  return p;
}

OwnedBignum Product(const OwnedBignum& p, const OwnedBignum& q) {
  OwnedBignum n = New();
  const auto scratch = Scratch();
  MUST(BN_mul(n.get(), p.get(), q.get(), scratch.get()) == 1);
  return n;
}

// The reason a key is weak; empty when it is not.
std::string Weakness(const OwnedBignum& n, unsigned long e = 65537) {
  const schema::OwnedKey key = samples::RsaOf(n.get(), e);
  const auto read = ca::ReadSpki(support::SpkiOf(key.get()).view());
  MUST(read.has_value());
  const auto outcome = ca::CheckStrength(*read);
  if (outcome) return "";
  CHECK(outcome.error().Is(ca::kKeyWeak));
  return outcome.error().detail;
}

std::string WeaknessOfKind(std::string_view kind) {
  const auto read = ca::ReadSpki(support::SpkiOf(samples::Key(kind)).view());
  MUST(read.has_value());
  const auto outcome = ca::CheckStrength(*read);
  return outcome ? "" : outcome.error().detail;
}

TEST_CASE("good keys pass and have a name") {
  const std::pair<const char*, const char*> kinds[] = {
      {"P-256", "ecdsa-p256"},  {"P-384", "ecdsa-p384"},  {"P-521", "ecdsa-p521"},
      {"RSA-2048", "rsa-2048"}, {"RSA-3072", "rsa-3072"}, {"RSA-4096", "rsa-4096"},
      {"Ed25519", "ed25519"},
  };
  for (const auto& [kind, name] : kinds) {
    const auto shown = kind;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    const auto read = ca::ReadSpki(support::SpkiOf(samples::Key(kind)).view());
    REQUIRE(read);
    CHECK(ca::CheckStrength(*read));
    CHECK_EQ(ca::AlgorithmName(*read), name);
  }
}

TEST_CASE("RSA sizes and exponents") {
  CHECK_EQ(WeaknessOfKind("RSA-1024"), "RSA of 1024 bits");
  CHECK_EQ(WeaknessOfKind("RSA-2056"), "RSA of 2056 bits");
  CHECK_EQ(WeaknessOfKind("RSA-2047"), "RSA of 2047 bits");
  const auto read = ca::ReadSpki(support::SpkiOf(samples::Key("RSA-2048")).view());
  REQUIRE(read);
  const OwnedBignum n(
      BN_bin2bn(read->modulus.data(), static_cast<int>(read->modulus.size()), nullptr));
  CHECK_EQ(Weakness(n), "");
  for (const unsigned long e : {1UL, 3UL, 17UL, 65536UL, 65539UL, 4294967297UL}) {
    CAPTURE(e);
    CHECK_EQ(Weakness(n, e), "RSA exponent is not 65537");
  }
}

TEST_CASE("each prime below 752 is found, none above is looked for") {
  const auto scratch = Scratch();
  const OwnedBignum base = New();
  REQUIRE(BN_rand(base.get(), 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) == 1);
  for (BN_ULONG p = 2; p < 752; ++p) {
    bool prime = true;
    for (BN_ULONG d = 2; d * d <= p; ++d) prime = prime && p % d != 0;
    if (!prime) continue;
    CAPTURE(p);
    // The multiple of p next below base: still 2048 bits.
    const OwnedBignum n(BN_dup(base.get()));
    REQUIRE(BN_sub_word(n.get(), BN_mod_word(n.get(), p)) == 1);
    CHECK(Weakness(OwnedBignum(BN_dup(n.get()))).starts_with("RSA modulus has the factor"));
  }
  const OwnedBignum q = Prime(2038), p = New();
  REQUIRE(BN_set_word(p.get(), 757) == 1);
  const OwnedBignum n = Product(p, q);
  REQUIRE_EQ(BN_num_bits(n.get()), 2048);  // OpenSSL sets the two top bits of a prime
  CHECK_EQ(Weakness(n), "");
}

// q is the first prime at or after p + 2^distance_bits.
OwnedBignum PrimeAfter(const OwnedBignum& p, int distance_bits) {
  OwnedBignum q(BN_dup(p.get()));
  const OwnedBignum distance = New();
  MUST(BN_set_bit(distance.get(), distance_bits) == 1);
  MUST(BN_add(q.get(), q.get(), distance.get()) == 1);
  while (BN_check_prime(q.get(), nullptr, nullptr) != 1) MUST(BN_add_word(q.get(), 2) == 1);
  return q;
}

TEST_CASE("close primes are found within 100 rounds of Fermat's method") {
  OwnedBignum p = New();
  // Near 0.8 * 2^1024, so that every product below has 2048 bits.
  REQUIRE(BN_rand(p.get(), 1024, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) == 1);
  while (BN_check_prime(p.get(), nullptr, nullptr) != 1) REQUIRE(BN_add_word(p.get(), 2) == 1);
  // Rounds needed: d² / 8p; 2^513 is 1, 2^516 about 40, 2^520 more than 8,000.
  for (const int bits : {1, 64, 500, 513, 515, 516}) {
    CAPTURE(bits);
    CHECK_EQ(Weakness(Product(p, PrimeAfter(p, bits))), "RSA primes are close to each other");
  }
  CHECK_EQ(Weakness(Product(p, PrimeAfter(p, 520))), "");
  CHECK_EQ(Weakness(Product(p, p)), "RSA primes are close to each other");
}

// CVE-2017-15361: p = k*M + (65537^a mod M), M the product of the first 126 primes for 2048-bit
// keys.
OwnedBignum RocaPrime(const OwnedBignum& m) {
  const auto scratch = Scratch();
  const OwnedBignum f4 = New(), a = New(), k = New(), rest = New();
  OwnedBignum p = New();
  MUST(BN_set_word(f4.get(), 65537) == 1);
  do {
    MUST(BN_rand(a.get(), 62, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1);
    MUST(BN_rand(k.get(), 1024 - BN_num_bits(m.get()), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY) == 1);
    MUST(BN_mod_exp(rest.get(), f4.get(), a.get(), m.get(), scratch.get()) == 1);
    MUST(BN_mul(p.get(), k.get(), m.get(), scratch.get()) == 1);
    MUST(BN_add(p.get(), p.get(), rest.get()) == 1);
  } while (BN_num_bits(p.get()) != 1024 || BN_check_prime(p.get(), nullptr, nullptr) != 1);
  return p;
}

TEST_CASE("a modulus of the ROCA form is found") {
  const OwnedBignum m = New();
  REQUIRE(BN_set_word(m.get(), 1) == 1);
  int count = 0;
  for (BN_ULONG p = 2; count < 126; ++p) {
    bool prime = true;
    for (BN_ULONG d = 2; d * d <= p; ++d) prime = prime && p % d != 0;
    if (prime && ++count > 0) REQUIRE(BN_mul_word(m.get(), p) == 1);
  }
  OwnedBignum n = New();
  do n = Product(RocaPrime(m), RocaPrime(m));
  while (BN_num_bits(n.get()) != 2048);
  CHECK_EQ(Weakness(n), "RSA modulus of the ROCA form (CVE-2017-15361)");
}

}  // namespace
