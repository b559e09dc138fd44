// A chain that verifiers take is taken; each way to spoil it is named with its certificate.
#include <doctest/doctest.h>

#include <functional>

#include "ca/tsa/chain.h"
#include "tests/ca/tsa/rig.h"

namespace {

using rig::Certificates;
using rig::Specs;

void Refused(const std::string& pem, const std::string& why) {
  const auto got = ca::LoadTimestampChain(pem, support::kNow);
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().Is(ca::kBadTimestampChain));
  CHECK_MESSAGE(got.error().detail.find(why) != std::string::npos, got.error().detail);
}

}  // namespace

TEST_CASE("A good chain") {
  const Certificates certificates;
  const auto chain = ca::LoadTimestampChain(certificates.Pem(), support::kNow);
  REQUIRE(chain.has_value());
  CHECK_EQ(chain->certificates.size(), 3);
  CHECK_EQ(chain->certificates.front(), support::DerOf(certificates.authority()));
  CHECK_EQ(chain->digest, schema::Sha256(support::DerOf(certificates.authority()).view()));
  CHECK_EQ(chain->spki, support::SpkiOf(certificates.key()));
  std::string pem;
  for (const std::string& one : chain->pem) pem += one + "\n";
  CHECK_EQ(pem, certificates.Pem());
}

TEST_CASE("Spoilt certificates") {
  struct Case {
    const char* name;
    std::function<void(Specs&)> spoil;
    const char* why;
  };
  const Case cases[] = {
      {"EKU missing", [](Specs& s) { s.authority.extended_key_usage.clear(); },
       "certificate 1: ExtendedKeyUsage timeStamping is missing"},
      {"EKU not critical", [](Specs& s) { s.authority.extended_key_usage = "timeStamping"; },
       "certificate 1: ExtendedKeyUsage is not critical"},
      {"two EKUs",
       [](Specs& s) { s.authority.extended_key_usage = "critical,timeStamping,codeSigning"; },
       "certificate 1: ExtendedKeyUsage is not timeStamping alone"},
      {"another EKU", [](Specs& s) { s.authority.extended_key_usage = "critical,codeSigning"; },
       "certificate 1: ExtendedKeyUsage is not timeStamping alone"},
      {"a CA", [](Specs& s) { s.authority.basic_constraints = "critical,CA:TRUE"; },
       "certificate 1: is a CA"},
      {"no KeyUsage", [](Specs& s) { s.authority.key_usage.clear(); },
       "certificate 1: KeyUsage is missing"},
      {"another KeyUsage",
       [](Specs& s) { s.authority.key_usage = "critical,digitalSignature,keyAgreement"; },
       "certificate 1: KeyUsage is not"},
      {"expired", [](Specs& s) { s.authority.not_after = support::kNow - std::chrono::minutes(1); },
       "certificate 1: expired"},
      {"not yet valid",
       [](Specs& s) { s.intermediate.not_before = support::kNow + std::chrono::minutes(1); },
       "certificate 2: not valid before"},
      {"intermediate with another EKU",
       [](Specs& s) { s.intermediate.extended_key_usage = "codeSigning"; },
       "certificate 2: ExtendedKeyUsage lacks timeStamping"},
      {"intermediate no CA",
       [](Specs& s) { s.intermediate.basic_constraints = "critical,CA:FALSE"; }, "certificate 2"},
      {"path length", [](Specs& s) { s.root.basic_constraints = "critical,CA:TRUE,pathlen:0"; },
       "certificate 2: the path length"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Specs specs;
    c.spoil(specs);
    Refused(Certificates(specs).Pem(), c.why);
  }
}

TEST_CASE("Other keys than P-256") { Refused(Certificates({}, "P-384").Pem(), "not ECDSA P-256"); }

TEST_CASE("Chains of another shape") {
  const Certificates certificates, other;
  const std::string authority = support::PemOf(certificates.authority());
  const std::string intermediate = support::PemOf(certificates.intermediate());
  const std::string root = support::PemOf(certificates.root());
  Refused("", "");
  Refused(authority, "one certificate alone");
  Refused(authority + root, "certificate 1: not issued");
  Refused(authority + intermediate, "certificate 2: not issued");
  Refused(root + intermediate + authority, "certificate 1: is a CA");
  // Same names, other keys.
  Refused(authority + support::PemOf(other.intermediate()) + support::PemOf(other.root()),
          "certificate 1: not issued");
  Refused("-----BEGIN X-----\nAA==\n-----END X-----\n" + root, "certificate 1: not a CERTIFICATE");
}
