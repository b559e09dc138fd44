#include "ca/issuer_key.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "ca/chain.h"
#include "tests/ca/samples.h"

namespace {

using schema::Bytes;
using schema::BytesView;

// What OpenSSL says of the same signature.
bool OpensslVerifies(EVP_PKEY* key, BytesView bytes, BytesView signature) {
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  MUST(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1);
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(),
                          bytes.size()) == 1;
}

Bytes Der(const BIGNUM* r, const BIGNUM* s) {
  const schema::OwnedEcdsaSig signature(ECDSA_SIG_new());
  MUST(ECDSA_SIG_set0(signature.get(), BN_dup(r), BN_dup(s)) == 1);
  std::uint8_t* written = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &written);
  MUST(size > 0);
  Bytes out(written, written + size);
  OPENSSL_free(written);
  return out;
}

schema::OwnedBignum Number(const char* hex) {
  BIGNUM* number = nullptr;
  MUST(BN_hex2bn(&number, hex) > 0);
  return schema::OwnedBignum(number);
}

constexpr const char* kOrder = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";

TEST_CASE("signatures verify as OpenSSL verifies them, whole and with each bit turned") {
  EVP_PKEY* key = samples::Key("P-256");
  const auto issuer = ca::IssuerKey::Load(support::SpkiOf(key));
  REQUIRE(issuer);
  for (int round = 0; round < 20; ++round) {
    Bytes bytes(static_cast<std::size_t>(round), 'x');
    Bytes signature = support::SignWith(key, "SHA256", bytes);
    const auto same = [&] {
      return issuer->Verify(bytes, schema::Signature(signature)).has_value() ==
             OpensslVerifies(key, bytes, signature);
    };
    CHECK(issuer->Verify(bytes, schema::Signature(signature)));
    CHECK(same());
    for (std::size_t bit = static_cast<std::size_t>(round); bit < 8 * signature.size(); bit += 20) {
      signature[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      CHECK_FALSE(issuer->Verify(bytes, schema::Signature(signature)));
      CHECK(same());
      signature[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    }
    bytes.push_back('y');
    CHECK_FALSE(issuer->Verify(bytes, schema::Signature(signature)));
  }
}

TEST_CASE("a signature that is none is refused") {
  EVP_PKEY* key = samples::Key("P-256");
  const auto issuer = ca::IssuerKey::Load(support::SpkiOf(key));
  REQUIRE(issuer);
  const Bytes bytes = schema::ToBytes(schema::AsBytes("certificate"));
  const Bytes good = support::SignWith(key, "SHA256", bytes);
  const auto zero = Number("0"), one = Number("1"), order = Number(kOrder);
  const auto beyond = Number("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632552");
  Bytes trailing = good, long_form = good;
  trailing.push_back(0);
  long_form.insert(long_form.begin() + 1, 0x81);
  const struct {
    const char* name;
    Bytes signature;
  } cases[] = {
      {"nothing", {}},
      {"no DER", {1, 2, 3}},
      {"r = 0", Der(zero.get(), one.get())},
      {"s = 0", Der(one.get(), zero.get())},
      {"r = order", Der(order.get(), one.get())},
      {"s = order", Der(one.get(), order.get())},
      {"r = order + 1", Der(beyond.get(), one.get())},
      {"s = order + 1", Der(one.get(), beyond.get())},
      {"r = s = 1", Der(one.get(), one.get())},
      {"an octet behind it", trailing},
      {"a length in long form", long_form},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto refused = issuer->Verify(bytes, schema::Signature(c.signature));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::kSelfCheck));
    CHECK_FALSE(OpensslVerifies(key, bytes, c.signature));
  }
}

TEST_CASE("only a P-256 key is an issuing key") {
  for (const char* kind : {"P-384", "RSA-2048", "Ed25519"}) {
    CAPTURE(kind);
    const auto refused = ca::IssuerKey::Load(support::SpkiOf(samples::Key(kind)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::kBadChain));
  }
  const schema::OwnedKey koblitz(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "secp256k1"));
  REQUIRE(koblitz);
  CHECK_FALSE(ca::IssuerKey::Load(support::SpkiOf(koblitz.get())));
}

}  // namespace
