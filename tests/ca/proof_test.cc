#include "ca/proof.h"

#include <doctest/doctest.h>

#include "ca/request.h"
#include "tests/ca/samples.h"

namespace {

using schema::Bytes;
using schema::BytesView;

Bytes Fill(std::size_t size, std::uint8_t octet) { return Bytes(size, octet); }

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST_CASE("EcdsaDer takes DER as it is, converts r ‖ s, and takes nothing else") {
  const Bytes small = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02};
  Bytes one_two = Fill(64, 0);
  one_two[31] = 1;
  one_two[63] = 2;
  Bytes zero_s = one_two;
  zero_s[63] = 0;
  struct Case {
    const char* name;
    Bytes in, want;
  };
  const Case cases[] = {
      {"DER", small, small},
      {"fixed length", one_two, small},
      {"high bits get a sign octet", Fill(64, 0xff),
       Join({{0x30, 0x46, 0x02, 0x21, 0x00}, Fill(32, 0xff), {0x02, 0x21, 0x00}, Fill(32, 0xff)})},
      {"empty", {}, {}},
      {"fixed length, s zero", zero_s, {}},
      {"fixed length, both zero", Fill(64, 0), {}},
      {"63 octets", Fill(63, 1), {}},
      {"65 octets", Fill(65, 1), {}},
      {"96 octets, of another curve", Fill(96, 1), {}},
      {"r zero", {0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x02}, {}},
      {"s zero", {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x00}, {}},
      {"r negative", {0x30, 0x06, 0x02, 0x01, 0x81, 0x02, 0x01, 0x02}, {}},
      {"s negative", {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0xff}, {}},
      {"r not minimal", {0x30, 0x07, 0x02, 0x02, 0x00, 0x01, 0x02, 0x01, 0x02}, {}},
      {"r empty", {0x30, 0x05, 0x02, 0x00, 0x02, 0x01, 0x02}, {}},
      {"BER length", {0x30, 0x81, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02}, {}},
      {"indefinite length", {0x30, 0x80, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02, 0, 0}, {}},
      {"bytes after", {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02, 0x00}, {}},
      {"bytes inside", {0x30, 0x08, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02, 0x05, 0x00}, {}},
      {"only r", {0x30, 0x03, 0x02, 0x01, 0x01}, {}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK_EQ(ca::EcdsaDer(c.in, 32), c.want);
  }
}

TEST_CASE("VerifyProof: each key, its digest and no other, its message and no other") {
  const std::pair<const char*, ca::KeyType> kinds[] = {
      {"P-256", ca::KeyType::kP256},      {"P-384", ca::KeyType::kP384},
      {"P-521", ca::KeyType::kP521},      {"RSA-2048", ca::KeyType::kRsa},
      {"Ed25519", ca::KeyType::kEd25519},
  };
  const BytesView message = schema::AsBytes("message");
  for (const auto& [kind, type] : kinds) {
    const auto shown = kind;  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    EVP_PKEY* key = samples::Key(kind);
    for (const char* digest : {"SHA1", "SHA256", "SHA384", "SHA512"}) {
      CAPTURE(digest);
      const Bytes signature = support::SignWith(key, digest, message);
      const bool right =
          type == ca::KeyType::kEd25519 || std::string_view(digest) == samples::DigestOf(kind);
      CHECK_EQ(ca::VerifyProof(key, type, message, signature).has_value(), right);
    }
    Bytes signature = support::SignWith(key, samples::DigestOf(kind), message);
    CHECK(ca::VerifyProof(key, type, message, signature));
    CHECK(!ca::VerifyProof(key, type, schema::AsBytes("massage"), signature));
    CHECK(!ca::VerifyProof(key, type, {}, signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
      CAPTURE(i);
      Bytes changed = signature;
      changed[i] ^= 1;
      const auto outcome = ca::VerifyProof(key, type, message, changed);
      REQUIRE(!outcome);
      CHECK(outcome.error().Is(ca::kProofWrong));
    }
    signature.push_back(0);
    CHECK(!ca::VerifyProof(key, type, message, signature));
    CHECK(!ca::VerifyProof(key, type, message, {}));
  }
}

TEST_CASE("r and s at or beyond the order do not verify") {
  EVP_PKEY* key = samples::Key("P-256");
  // Order of P-256 (SEC 2 2.4.2), which is zero modulo itself.
  const Bytes order = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                       0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                       0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
  for (const Bytes& signature :
       {Join({order, order}), Join({order, Fill(32, 1)}), Fill(64, 0xff)}) {
    CHECK(!ca::VerifyProof(key, ca::KeyType::kP256, schema::AsBytes("m"), signature));
  }
}

}  // namespace
