#include "ca/spki.h"

#include <doctest/doctest.h>
#include <openssl/core_names.h>

#include "ca/request.h"
#include "schema/base/der.h"
#include "schema/extensions.h"
#include "tests/ca/samples.h"

namespace {

using schema::Bytes;
using schema::BytesView;
namespace der = schema::der;
namespace oid = schema::oid;

struct Parts {
  Bytes algorithm = schema::ToBytes(oid::kEcPublicKey);
  Bytes parameters = {};  // after the OID
  Bytes bits = {};        // content of the BIT STRING, with the unused-bits octet
};

Bytes Build(const Parts& parts) {
  der::Writer out;
  const auto spki = out.Begin(der::kSequence);
  const auto identifier = out.Begin(der::kSequence);
  out.Oid(parts.algorithm);
  out.Raw(parts.parameters);
  out.End(identifier);
  out.Value(der::kBitString, parts.bits);
  out.End(spki);
  return std::move(out).Take();
}

Bytes Oid(BytesView content) {
  der::Writer out;
  out.Oid(content);
  return std::move(out).Take();
}

// 00 04 x y of a real P-256 key.
Bytes P256Bits() {
  const auto key = ca::ReadSpki(support::SpkiOf(samples::Key("P-256")).view());
  MUST(key.has_value());
  Bytes bits = {0};
  bits.insert(bits.end(), key->key_bits.begin(), key->key_bits.end());
  return bits;
}

bool Malformed(BytesView spki) {
  const auto key = ca::ReadSpki(spki);
  if (!key) return key.error().Is(ca::kKeyMalformed);
  const auto loaded = ca::LoadKey(*key);
  return !loaded && loaded.error().Is(ca::kKeyMalformed);
}

TEST_CASE("every kind of key reads, re-encodes and loads as OpenSSL has it") {
  const std::pair<const char*, ca::KeyType> kinds[] = {
      {"P-256", ca::KeyType::kP256},   {"P-384", ca::KeyType::kP384},
      {"P-521", ca::KeyType::kP521},   {"RSA-2048", ca::KeyType::kRsa},
      {"RSA-1024", ca::KeyType::kRsa}, {"Ed25519", ca::KeyType::kEd25519},
  };
  for (const auto& [kind, type] : kinds) {
    const auto shown = kind;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    const schema::SpkiDer spki = support::SpkiOf(samples::Key(kind));
    const auto key = ca::ReadSpki(spki.view());
    REQUIRE(key);
    CHECK_EQ(static_cast<int>(key->type), static_cast<int>(type));
    CHECK(key->spki == spki);
    const auto loaded = ca::LoadKey(*key);
    REQUIRE(loaded);
    CHECK_EQ(EVP_PKEY_eq(*loaded, samples::Key(kind)), 1);
  }
}

TEST_CASE("no octet of a key can be cut, added or made BER") {
  for (const char* kind : {"P-256", "RSA-2048", "Ed25519"}) {
    CAPTURE(kind);
    const Bytes good = support::SpkiOf(samples::Key(kind)).bytes();
    for (std::size_t size = 0; size < good.size(); ++size) {
      CAPTURE(size);
      CHECK(Malformed(BytesView(good).first(size)));
    }
    Bytes longer = good;
    longer.push_back(0);
    CHECK(Malformed(longer));
  }
  // X.690 10.1: the outer length in one octet too many.
  Bytes ber = support::SpkiOf(samples::Key("P-256")).bytes();
  ber.insert(ber.begin() + 1, 0x81);
  CHECK(Malformed(ber));
  // Indefinite length.
  ber = support::SpkiOf(samples::Key("P-256")).bytes();
  ber[1] = 0x80;
  ber.insert(ber.end(), {0, 0});
  CHECK(Malformed(ber));
}

TEST_CASE("elliptic curve keys of other forms are refused") {
  const Bytes bits = P256Bits();
  Bytes compressed(bits.begin(), bits.begin() + 34);
  compressed[1] = 2 + (bits.back() & 1);
  Bytes hybrid = bits;
  hybrid[1] = 6 + (bits.back() & 1);
  Bytes off_curve = bits;
  off_curve.back() ^= 1;
  Bytes unused_bits = bits;
  unused_bits[0] = 1;
  Bytes too_long = bits;
  too_long.push_back(0);
  Bytes beyond_field(65 + 1, 0xff);
  beyond_field[0] = 0;
  beyond_field[1] = 4;
  Bytes zero(66, 0);
  zero[1] = 4;
  const Bytes p256 = Oid(oid::kPrime256v1);
  Bytes twice = p256;
  twice.insert(twice.end(), p256.begin(), p256.end());
  const std::uint8_t secp256k1[] = {0x2b, 0x81, 0x04, 0x00, 0x0a};

  const std::pair<const char*, Parts> cases[] = {
      {"compressed", {.parameters = p256, .bits = compressed}},
      {"hybrid", {.parameters = p256, .bits = hybrid}},
      {"off the curve", {.parameters = p256, .bits = off_curve}},
      {"identity", {.parameters = p256, .bits = {0, 0}}},
      {"zero point", {.parameters = p256, .bits = zero}},
      {"coordinates beyond the field", {.parameters = p256, .bits = beyond_field}},
      {"empty bits", {.parameters = p256, .bits = {0}}},
      {"no bits at all", {.parameters = p256, .bits = {}}},
      {"unused bits", {.parameters = p256, .bits = unused_bits}},
      {"an octet more", {.parameters = p256, .bits = too_long}},
      {"P-256 point on P-384", {.parameters = Oid(oid::kSecp384r1), .bits = bits}},
      {"secp256k1", {.parameters = Oid(secp256k1), .bits = bits}},
      {"no parameters", {.bits = bits}},
      {"NULL parameters", {.parameters = {5, 0}, .bits = bits}},
      {"two curves", {.parameters = twice, .bits = bits}},
      {"Ed25519 with an EC point", {.algorithm = schema::ToBytes(oid::kEd25519), .bits = bits}},
      {"RSA with an EC point",
       {.algorithm = schema::ToBytes(oid::kRsaEncryption), .parameters = {5, 0}, .bits = bits}},
  };
  CHECK(!Malformed(Build({.parameters = p256, .bits = bits})));
  for (const auto& [name, parts] : cases) {
    const auto shown = name;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    CHECK(Malformed(Build(parts)));
  }
}

TEST_CASE("explicit curve parameters are refused") {
  const schema::OwnedKey key = support::MakeKey("P-256");
  REQUIRE(EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_ENCODING, "explicit") == 1);
  const Bytes spki = support::SpkiOf(key.get()).bytes();
  REQUIRE(spki.size() > 200);
  CHECK(Malformed(spki));
}

TEST_CASE("key algorithms we do not certify are refused") {
  for (const char* name : {"X25519", "ED448"}) {
    CAPTURE(name);
    const schema::OwnedKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, name));
    REQUIRE(key);
    CHECK(Malformed(support::SpkiOf(key.get()).view()));
  }
}

TEST_CASE("RSA keys of other forms are refused") {
  const auto good = ca::ReadSpki(support::SpkiOf(samples::Key("RSA-2048")).view());
  REQUIRE(good);
  Bytes bits = {0};
  bits.insert(bits.end(), good->key_bits.begin(), good->key_bits.end());
  const Bytes rsa = schema::ToBytes(oid::kRsaEncryption);
  CHECK(!Malformed(Build({rsa, {5, 0}, bits})));
  CHECK(Malformed(Build({rsa, {}, bits})));         // RFC 3279 2.3.1: NULL
  CHECK(Malformed(Build({rsa, {5, 1, 0}, bits})));  // NULL with content
  CHECK(Malformed(Build({rsa, {5, 0, 5, 0}, bits})));
  const std::uint8_t rsa_pss[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};
  CHECK(Malformed(Build({schema::ToBytes(rsa_pss), {}, bits})));

  const auto integers = [&](Bytes n, Bytes e) {
    der::Writer out;
    const auto sequence = out.Begin(der::kSequence);
    out.Value(der::kInteger, n);
    out.Value(der::kInteger, e);
    out.End(sequence);
    return ca::ReadRsaPublicKey(out.view()).has_value();
  };
  CHECK(integers({0x00, 0x80}, {3}));
  CHECK(!integers({0x80}, {3}));              // negative modulus
  CHECK(!integers({0x00, 0x00, 0x80}, {3}));  // not minimal
  CHECK(!integers({0x00, 0x80}, {0xff}));
  CHECK(!integers({}, {3}));
}

}  // namespace
