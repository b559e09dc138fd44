#include "schema/extensions.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "schema/base/der.h"

namespace {

using schema::FindArc;
using schema::FulcioArc;
using schema::FulcioArcs;

TEST_CASE("the arcs are 1 to 24 without 7, ascending") {
  int arc = 0;
  std::set<std::string_view> names;
  for (const FulcioArc& one : FulcioArcs()) {
    arc += arc == 6 ? 2 : 1;
    CHECK_EQ(one.arc, arc);
    CHECK_EQ(one.raw, arc <= 6);
    CHECK_FALSE(one.title.empty());
    CHECK(names.insert(one.name).second);
    CHECK(FindArc(one.arc) == &one);
    CHECK(FindArc(one.name) == &one);
  }
  CHECK_EQ(arc, 24);
}

TEST_CASE("what is not in the table is not found") {
  for (const int arc : {-1, 0, 7, 25, 263}) CHECK(FindArc(arc) == nullptr);
  for (const std::string_view name : {"", "Issuer", "build-signer", "build-signer-uri "}) {
    CHECK(FindArc(name) == nullptr);
  }
}

// Fulcio's extension-templates keys, as its configuration files spell them.
TEST_CASE("template keys have Fulcio's arcs") {
  const struct {
    std::string_view name;
    int arc;
  } kKeys[] = {
      {"github-workflow-trigger", 2},
      {"github-workflow-sha", 3},
      {"github-workflow-name", 4},
      {"github-workflow-repository", 5},
      {"github-workflow-ref", 6},
      {"build-signer-uri", 9},
      {"build-signer-digest", 10},
      {"runner-environment", 11},
      {"source-repository-uri", 12},
      {"source-repository-digest", 13},
      {"source-repository-ref", 14},
      {"source-repository-identifier", 15},
      {"source-repository-owner-uri", 16},
      {"source-repository-owner-identifier", 17},
      {"build-config-uri", 18},
      {"build-config-digest", 19},
      {"build-trigger", 20},
      {"run-invocation-uri", 21},
      {"source-repository-visibility-at-signing", 22},
      {"deployment-environment", 23},
  };
  for (const auto& key : kKeys) {
    CAPTURE(key.name);
    REQUIRE(FindArc(key.name) != nullptr);
    CHECK_EQ(FindArc(key.name)->arc, key.arc);
  }
}

TEST_CASE("OID constants say what their names say") {
  namespace oid = schema::oid;
  const struct {
    schema::BytesView content;
    std::string_view dotted;
  } kOids[] = {
      {oid::kKeyUsage, "2.5.29.15"},
      {oid::kExtendedKeyUsage, "2.5.29.37"},
      {oid::kSubjectKeyId, "2.5.29.14"},
      {oid::kAuthorityKeyId, "2.5.29.35"},
      {oid::kSubjectAltName, "2.5.29.17"},
      {oid::kBasicConstraints, "2.5.29.19"},
      {oid::kCodeSigning, "1.3.6.1.5.5.7.3.3"},
      {oid::kSctList, "1.3.6.1.4.1.11129.2.4.2"},
      {oid::kPoison, "1.3.6.1.4.1.11129.2.4.3"},
      {oid::kFulcioPrefix, "1.3.6.1.4.1.57264.1"},
      {oid::kEcdsaSha256, "1.2.840.10045.4.3.2"},
      {oid::kEcdsaSha384, "1.2.840.10045.4.3.3"},
      {oid::kEcPublicKey, "1.2.840.10045.2.1"},
      {oid::kPrime256v1, "1.2.840.10045.3.1.7"},
      {oid::kSecp384r1, "1.3.132.0.34"},
      {oid::kSecp521r1, "1.3.132.0.35"},
      {oid::kRsaEncryption, "1.2.840.113549.1.1.1"},
      {oid::kEd25519, "1.3.101.112"},
  };
  for (const auto& one : kOids) CHECK_EQ(schema::der::OidText(one.content), one.dotted);
}

}  // namespace
