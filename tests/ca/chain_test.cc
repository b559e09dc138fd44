#include "ca/chain.h"

#include <doctest/doctest.h>

#include "tests/support/test_ca.h"

namespace {

using support::CertificateSpec;
using support::kNow;

// A chain of root, perhaps a middle CA, and issuing CA; tests change the specs.
struct Spec {
  std::string issuing_key = "P-256";
  std::string root_key = "P-256";
  CertificateSpec issuing, middle, root;
  bool with_middle = false;

  Spec() {
    root.common_name = "Root";
    middle.common_name = "Middle";
    issuing.common_name = "Issuing";
    issuing.basic_constraints = "critical,CA:TRUE,pathlen:0";
    issuing.extended_key_usage = "codeSigning";
  }
};

struct Made {
  std::string issuing, middle, root;
  std::string All() const { return issuing + middle + root; }
};

Made Make(const Spec& spec) {
  const schema::OwnedKey root_key = support::MakeKey(spec.root_key);
  const schema::OwnedKey middle_key = support::MakeKey("P-256");
  const schema::OwnedKey issuing_key = support::MakeKey(spec.issuing_key);
  const schema::OwnedCert root = support::MakeCertificate(spec.root, root_key.get());
  support::Issuer above{root.get(), root_key.get()};
  Made made;
  made.root = support::PemOf(root.get());
  schema::OwnedCert middle;
  if (spec.with_middle) {
    middle = support::MakeCertificate(spec.middle, middle_key.get(), &above);
    made.middle = support::PemOf(middle.get());
    above = {middle.get(), middle_key.get()};
  }
  made.issuing =
      support::PemOf(support::MakeCertificate(spec.issuing, issuing_key.get(), &above).get());
  return made;
}

void CheckRefused(const std::string& pem, std::string_view want, schema::Time now = kNow) {
  const auto chain = ca::LoadChain(pem, now);
  REQUIRE(!chain);
  CHECK(chain.error().Is(ca::kBadChain));
  CAPTURE(chain.error().detail);
  CAPTURE(want);
  CHECK(chain.error().detail.find(want) != std::string::npos);
}

TEST_CASE("a good chain says what leaves and trust documents need") {
  const support::TestCa ca;
  const auto chain = ca::LoadChain(ca.pem(), kNow);
  if (!chain) FAIL(chain.error().Describe());
  REQUIRE_EQ(chain->certificates.size(), 2);
  CHECK(chain->certificates[0] == support::DerOf(ca.issuing()));
  CHECK(chain->certificates[1] == support::DerOf(ca.root()));
  CHECK_EQ(chain->pem[0] + "\n" + chain->pem[1] + "\n", ca.pem());
  CHECK(chain->spki == support::SpkiOf(ca.issuing_key()));
  CHECK(chain->key_hash == schema::Sha256(chain->spki.view()));
  CHECK_EQ(chain->key_id.size(), 20);
  CHECK_EQ(chain->organization, "Example");
  CHECK_EQ(chain->common_name, "Example Issuing CA");
  CHECK(chain->not_before == kNow - std::chrono::hours{1});
  CHECK(chain->not_after == kNow + std::chrono::hours{24 * 365});
}

TEST_CASE("chains that clients accept are accepted") {
  Spec spec;
  CHECK(ca::LoadChain(Make(spec).All(), kNow));
  spec.with_middle = true;
  CHECK(ca::LoadChain(Make(spec).All(), kNow));
  spec.middle.extended_key_usage = "codeSigning,timeStamping";
  spec.middle.basic_constraints = "critical,CA:TRUE,pathlen:1";
  spec.root.basic_constraints = "critical,CA:TRUE,pathlen:2";
  CHECK(ca::LoadChain(Make(spec).All(), kNow));
  for (const char* key : {"P-384", "RSA-2048"}) {
    CAPTURE(key);
    spec.root_key = key;
    CHECK(ca::LoadChain(Make(spec).All(), kNow));
  }
  Spec plain;
  plain.issuing.extended_key_usage = "";
  plain.issuing.basic_constraints = "critical,CA:TRUE";
  CHECK(ca::LoadChain(Make(plain).All(), kNow));
}

TEST_CASE("validity is the intersection of all certificates") {
  Spec spec;
  spec.root.not_after = kNow + std::chrono::hours{2};
  spec.issuing.not_before = kNow - std::chrono::minutes{1};
  const std::string pem = Make(spec).All();
  const auto chain = ca::LoadChain(pem, kNow);
  REQUIRE(chain);
  CHECK(chain->not_before == spec.issuing.not_before);
  CHECK(chain->not_after == spec.root.not_after);
  CheckRefused(pem, "certificate 1: not valid before", kNow - std::chrono::minutes{2});
  CheckRefused(pem, "certificate 2: expired", kNow + std::chrono::hours{3});
}

TEST_CASE("order and completeness") {
  const Made two = Make({}), other = Make({});
  Spec with_middle;
  with_middle.with_middle = true;
  const Made three = Make(with_middle);
  CheckRefused("", "no block");
  CheckRefused(two.root, "certificate 1: alone");
  CheckRefused(two.issuing, "certificate 1: the last certificate is not a self-signed root");
  CheckRefused(two.root + two.issuing, "certificate 1: self-signed, but not the last");
  CheckRefused(three.issuing + three.root, "certificate 1: its issuer is not");
  CheckRefused(three.issuing + three.middle, "certificate 2: the last certificate is not");
  CheckRefused(three.middle + three.issuing + three.root, "certificate 1: ");
  CheckRefused(two.issuing + two.root + two.root, "certificate 2: self-signed, but not the last");
  // Same names, another key: OpenSSL sees the key identifiers differ.
  CheckRefused(two.issuing + other.root, "certificate 1: not issued by the next");
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += two.root;
  CheckRefused(nine, "too many");
}

TEST_CASE("the next certificate's name fits but its signature does not") {
  Spec spec;
  spec.root.subject_key_id = "01:02:03";
  const Made one = Make(spec), other = Make(spec);
  CheckRefused(one.issuing + other.root,
               "certificate 1: its signature is not by the key of the next");
}

TEST_CASE("nothing but certificates in the file") {
  const Made made = Make({});
  CheckRefused("# our chain\n" + made.All(), "text outside");
  CheckRefused(made.issuing + "between\n" + made.root, "text outside");
  CheckRefused(made.All() + "after", "text outside");
  std::string key = made.issuing;
  for (std::size_t at = key.find("CERTIFICATE"); at != std::string::npos;
       at = key.find("CERTIFICATE")) {
    key.replace(at, 11, "PRIVATE KEY");
  }
  CheckRefused(key + made.root, "certificate 1: PEM label");
  CheckRefused("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" + made.root,
               "certificate 1: not a certificate");
}

struct Change {
  const char* name;
  const char* want;
  void (*apply)(Spec&);
};

TEST_CASE("a chain broken one rule at a time") {
  const Change changes[] = {
      {"issuing not a CA", "certificate 1: not a CA",
       [](Spec& s) { s.issuing.basic_constraints = "critical,CA:FALSE"; }},
      {"issuing without BasicConstraints",
       "certificate 1: ", [](Spec& s) { s.issuing.basic_constraints = ""; }},
      {"root not a CA", "certificate 2: ", [](Spec& s) { s.root.basic_constraints = "CA:FALSE"; }},
      {"issuing without keyCertSign", "certificate 1: KeyUsage keyCertSign",
       [](Spec& s) { s.issuing.key_usage = "critical,digitalSignature"; }},
      {"issuing without KeyUsage", "certificate 1: KeyUsage keyCertSign",
       [](Spec& s) { s.issuing.key_usage = ""; }},
      {"root without KeyUsage", "certificate 2: KeyUsage keyCertSign",
       [](Spec& s) { s.root.key_usage = ""; }},
      {"root with path length 0", "certificate 2: path length 0",
       [](Spec& s) { s.root.basic_constraints = "critical,CA:TRUE,pathlen:0"; }},
      {"EKU serverAuth", "certificate 1: ExtendedKeyUsage lacks codeSigning",
       [](Spec& s) { s.issuing.extended_key_usage = "serverAuth"; }},
      {"root EKU serverAuth", "certificate 2: ExtendedKeyUsage lacks codeSigning",
       [](Spec& s) { s.root.extended_key_usage = "serverAuth"; }},
      {"P-384 issuing key", "certificate 1: the issuing key is not ECDSA P-256",
       [](Spec& s) { s.issuing_key = "P-384"; }},
      {"RSA issuing key", "certificate 1: the issuing key is not ECDSA P-256",
       [](Spec& s) { s.issuing_key = "RSA-2048"; }},
      {"Ed25519 issuing key", "certificate 1: the issuing key is not ECDSA P-256",
       [](Spec& s) { s.issuing_key = "Ed25519"; }},
      {"weak root key", "certificate 2: its key is weak", [](Spec& s) { s.root_key = "RSA-1024"; }},
      {"SHA-1", "certificate 1: its signature algorithm is weak",
       [](Spec& s) { s.issuing.digest = "SHA1"; }},
      {"no SKI", "certificate 1: SubjectKeyIdentifier",
       [](Spec& s) { s.issuing.subject_key_id = ""; }},
      {"no O=", "certificate 1: the subject has no O=",
       [](Spec& s) { s.issuing.organization = ""; }},
      {"issuing expired", "certificate 1: expired",
       [](Spec& s) { s.issuing.not_after = kNow - std::chrono::seconds{1}; }},
      {"root expired", "certificate 2: expired",
       [](Spec& s) { s.root.not_after = kNow - std::chrono::seconds{1}; }},
      {"issuing not yet valid", "certificate 1: not valid before",
       [](Spec& s) { s.issuing.not_before = kNow + std::chrono::seconds{1}; }},
  };
  for (const Change& change : changes) {
    CAPTURE(change.name);
    Spec spec;
    change.apply(spec);
    CheckRefused(Make(spec).All(), change.want);
  }
}

TEST_CASE("a middle CA's path length and purposes hold") {
  Spec spec;
  spec.with_middle = true;
  spec.middle.basic_constraints = "critical,CA:TRUE,pathlen:0";
  CheckRefused(Make(spec).All(), "certificate 2: path length 0 is less than the 1 CA");
  spec.middle.basic_constraints = "critical,CA:TRUE";
  spec.middle.extended_key_usage = "serverAuth,clientAuth";
  CheckRefused(Make(spec).All(), "certificate 2: ExtendedKeyUsage lacks codeSigning");
}

}  // namespace
