#include "ca/audit/anchors.h"

#include <doctest/doctest.h>
#include <openssl/x509v3.h>

#include <string>

#include "schema/base/base64.h"
#include "schema/base/openssl.h"

namespace {

using ca::audit::ReadAnchors;

std::string Spki(const char* curve) {
  const schema::OwnedKey key(EVP_EC_gen(curve));
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  MUST(size > 0);
  const std::string spki(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return spki;
}

// A self-signed certificate of this curve, as OpenSSL makes it.
std::string Certificate(const char* curve) {
  const schema::OwnedKey key(EVP_EC_gen(curve));
  const schema::OwnedCert cert(X509_new());
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 7);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("CA"), -1, -1, 0);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  X509_set_pubkey(cert.get(), key.get());
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
  X509_add_ext(cert.get(), extension, -1);
  X509_EXTENSION_free(extension);
  MUST(X509_sign(cert.get(), key.get(), EVP_sha256()) > 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509(cert.get(), &der);
  MUST(size > 0);
  const std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string Root(const std::string& raw) {
  return R"({"certificateAuthorities":[{"certChain":{"certificates":[{"rawBytes":")" + raw +
         R"("}]}}]})";
}
std::string GoodRoot() { return Root(schema::Base64(schema::AsBytes(Certificate("P-256")))); }

std::string Key(const std::string& name, schema::NoteKeyType type, const std::string& key) {
  return schema::VerifierKey{name, type, schema::ToBytes(schema::AsBytes(key))}.Text();
}

TEST_CASE("keys are told apart by their type and found by their origin") {
  const std::string keys =
      "# of the certificates log\n" +
      Key("ca.example/2026", schema::NoteKeyType::kTreeHead, Spki("P-256")) + "\n" +
      Key("ca.example/2026", schema::NoteKeyType::kEd25519, std::string(32, 'a')) + "\n\n" +
      Key("ca.example/events", schema::NoteKeyType::kEd25519, std::string(32, 'b')) + "\n" +
      Key("witness.example", schema::NoteKeyType::kCosignature, std::string(32, 'c'));
  const auto anchors = ReadAnchors(GoodRoot(), keys);
  REQUIRE(anchors);
  REQUIRE_EQ(anchors->authorities.size(), 1);
  const ca::audit::Authority& authority = anchors->authorities.front();
  CHECK(anchors->FindAuthority(authority.key_hash) == &authority);
  CHECK(anchors->FindAuthority(schema::Hash{}) == nullptr);
  REQUIRE(anchors->FindLog("ca.example/2026") != nullptr);
  CHECK(anchors->FindLog("ca.example/events") == nullptr);
  REQUIRE(anchors->FindNote("ca.example/events") != nullptr);
  CHECK_EQ(anchors->FindNote("ca.example/events")->key.front(), 'b');
  REQUIRE_EQ(anchors->witnesses.size(), 1);
}

TEST_CASE("a document that cannot be used is named") {
  const struct {
    const char* name;
    std::string root, keys, where;
  } kCases[] = {
      {"no JSON", "{", "", "trusted root"},
      {"no authorities", "{}", "", "trusted root"},
      {"an empty list", R"({"certificateAuthorities":[]})", "", "trusted root"},
      {"no chain", R"({"certificateAuthorities":[{}]})", "", "certificateAuthorities[0]"},
      {"no base64", Root("?"), "", "certificateAuthorities[0]"},
      {"no certificate", Root("MAA="), "", "certificateAuthorities[0]"},
      {"another curve", Root(schema::Base64(schema::AsBytes(Certificate("P-384")))), "",
       "certificateAuthorities[0]"},
      {"no key", GoodRoot(), "# a comment\nnonsense", "keys line 2"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto anchors = ReadAnchors(c.root, c.keys);
    REQUIRE_FALSE(anchors);
    CHECK(anchors.error().Is(ca::audit::kBadAnchors));
    CHECK(anchors.error().detail.find(c.where) != std::string::npos);
  }
}

}  // namespace
