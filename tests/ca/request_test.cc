#include "ca/request.h"

#include <doctest/doctest.h>
#include <openssl/rsa.h>

#include "schema/base/limits.h"
#include "tests/ca/samples.h"

namespace {

using samples::kProofMessage;
using schema::Bytes;

struct Kind {
  const char* kind;
  const char* algorithm;
  int field_size;  // octets; 0: no fixed-length form
};
constexpr Kind kKinds[] = {
    {"P-256", "ecdsa-p256", 32}, {"P-384", "ecdsa-p384", 48}, {"P-521", "ecdsa-p521", 66},
    {"RSA-2048", "rsa-2048", 0}, {"RSA-3072", "rsa-3072", 0}, {"RSA-4096", "rsa-4096", 0},
    {"Ed25519", "ed25519", 0},
};

std::string WithCrLf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out.push_back('\r');
    out.push_back(c);
  }
  return out;
}

void CheckAccepted(const Kind& kind, const ca::KeyRequest& request) {
  const auto key = ca::CheckRequest(request, kProofMessage);
  if (!key) FAIL_CHECK(key.error().Describe());
  if (!key) return;
  const schema::SpkiDer spki = support::SpkiOf(samples::Key(kind.kind));
  CHECK(key->spki() == spki);
  CHECK(key->hash() == schema::Sha256(spki.view()));
  CHECK_EQ(key->algorithm(), kind.algorithm);
  CHECK(schema::Equal(key->key_bits(), spki.view().last(key->key_bits().size())));
}

TEST_CASE("every key type, in every encoding, with every form of signature") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.kind);
    EVP_PKEY* key = samples::Key(kind.kind);
    std::vector<std::string> encodings = {samples::PublicPem(key),
                                          WithCrLf(samples::PublicPem(key)),
                                          " \n" + samples::PublicPem(key) + "\n\n",
                                          std::string(schema::AsText(support::SpkiOf(key).view()))};
    if (std::string_view(kind.kind).starts_with("RSA")) {
      encodings.push_back(samples::RsaPublicPem(key));
    }
    const Bytes signature = samples::Request(kind.kind).proof;
    std::vector<Bytes> proofs = {signature};
    if (kind.field_size != 0) proofs.push_back(samples::FixedLength(signature, kind.field_size));
    for (const std::string& encoding : encodings) {
      for (const Bytes& proof : proofs) CheckAccepted(kind, {encoding, proof, ""});
    }
  }
}

TEST_CASE("a proof by another key, over another text or in another scheme is refused") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.kind);
    const ca::KeyRequest good = samples::Request(kind.kind);
    const auto other_text = ca::CheckRequest(good, "repo:acme/app:ref:refs/heads/mair");
    REQUIRE(!other_text);
    CHECK(other_text.error().Is(ca::kProofWrong));

    ca::KeyRequest other_key = good;
    other_key.proof = support::SignWith(support::MakeKey("P-256").get(), "SHA256",
                                        schema::AsBytes(kProofMessage));
    const auto refused = ca::CheckRequest(other_key, kProofMessage);
    REQUIRE(!refused);
    CHECK(refused.error().Is(ca::kProofWrong));

    ca::KeyRequest no_proof = good;
    no_proof.proof.clear();
    CHECK(!ca::CheckRequest(no_proof, kProofMessage));
  }
}

TEST_CASE("an RSA-PSS proof is refused") {
  ca::KeyRequest request = samples::Request("RSA-2048");
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  REQUIRE(EVP_DigestSignInit_ex(context.get(), &options, "SHA256", nullptr, nullptr,
                                samples::Key("RSA-2048"), nullptr) == 1);
  REQUIRE(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
  const schema::BytesView message = schema::AsBytes(kProofMessage);
  std::size_t size = request.proof.size();
  REQUIRE(EVP_DigestSign(context.get(), request.proof.data(), &size, message.data(),
                         message.size()) == 1);
  const auto refused = ca::CheckRequest(request, kProofMessage);
  REQUIRE(!refused);
  CHECK(refused.error().Is(ca::kProofWrong));
}

TEST_CASE("keys that cannot be read or are weak have their own reasons") {
  const std::string pem = samples::PublicPem(samples::Key("P-256"));
  const auto swap = [&](std::string_view from, std::string_view to) {
    std::string out = pem;
    for (std::size_t at = out.find(from); at != std::string::npos;
         at = out.find(from, at + to.size())) {
      out.replace(at, from.size(), to);
    }
    return out;
  };
  std::string off_curve(schema::AsText(support::SpkiOf(samples::Key("P-256")).view()));
  off_curve.back() = static_cast<char>(off_curve.back() ^ 1);
  const schema::OwnedKey secp256k1 = support::MakeKey("secp256k1");
  const schema::OwnedKey p224 = support::MakeKey("P-224");

  struct Case {
    const char* name;
    std::string key;
    const schema::ErrorKind* want;
  };
  const Case cases[] = {
      {"empty", "", &ca::kKeyMalformed},
      {"space", " \n", &ca::kKeyMalformed},
      {"text", "not a key", &ca::kKeyMalformed},
      {"certificate", support::TestCa().pem(), &ca::kKeyMalformed},
      {"another label", swap("PUBLIC KEY", "PRIVATE KEY"), &ca::kKeyMalformed},
      {"SPKI as RSA PUBLIC KEY", swap("PUBLIC KEY", "RSA PUBLIC KEY"), &ca::kKeyMalformed},
      {"two keys", pem + pem, &ca::kKeyMalformed},
      {"text after", pem + "x", &ca::kKeyMalformed},
      {"text before", "x" + pem, &ca::kKeyMalformed},
      {"DER and an octet",
       std::string(schema::AsText(support::SpkiOf(samples::Key("P-256")).view())) + '\0',
       &ca::kKeyMalformed},
      {"PKCS#1 in DER",
       std::string(schema::AsText(
           schema::BytesView(support::SpkiOf(samples::Key("RSA-2048")).view().subspan(24)))),
       &ca::kKeyMalformed},
      {"off the curve", off_curve, &ca::kKeyMalformed},
      {"secp256k1", samples::PublicPem(secp256k1.get()), &ca::kKeyMalformed},
      {"P-224", samples::PublicPem(p224.get()), &ca::kKeyMalformed},
      {"too large", std::string(schema::limits::kKeyBytes + 1, ' '), &ca::kKeyMalformed},
      {"RSA-1024", samples::PublicPem(samples::Key("RSA-1024")), &ca::kKeyWeak},
      {"RSA-2056", samples::PublicPem(samples::Key("RSA-2056")), &ca::kKeyWeak},
      {"RSA-1024, PKCS#1", samples::RsaPublicPem(samples::Key("RSA-1024")), &ca::kKeyWeak},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto key = ca::CheckRequest({c.key, Bytes(64, 1), ""}, kProofMessage);
    REQUIRE(!key);
    CHECK_EQ(key.error().kind->id, c.want->id);
    CHECK_EQ(key.error().kind->fault, schema::Fault::kCaller);
  }
}

TEST_CASE("the error's detail holds nothing of the input") {
  const auto key = ca::CheckRequest({"secret-looking text", {}, ""}, kProofMessage);
  REQUIRE(!key);
  CHECK(key.error().detail.find("secret") == std::string::npos);
}

}  // namespace
