// The rules of custody for tokens, PINs and keys, each broken at the module or in a real token.
#include <doctest/doctest.h>

#include "hsm/digest.h"
#include "hsm/key_rules.h"
#include "hsm/opening.h"
#include "hsm/point.h"
#include "schema/base/file.h"
#include "schema/base/json.h"
#include "tests/hsm/rig.h"

namespace {

using namespace std::chrono_literals;
using schema::Bytes;
using schema::Json;
using schema::Steady;
using tests::FaultyState;
using tests::StartError;

bool Signs(hsm::Custody& custody, std::string_view tail) {
  const Bytes probe = tests::Probe(tail);
  const auto got = custody.Sign(hsm::Purpose::kProbe, probe, Steady::now() + 5s);
  return got && hsm::VerifyP256(custody.facts().issuing, probe, got->signature.view());
}

// "" when it starts and signs, else the reason.
std::string Verdict(const support::HsmState& state) {
  support::MemoryJournal journal;
  const auto custody = hsm::Custody::Start(state.Load(), tests::SignerProgram(), journal);
  if (!custody) return custody.error().detail;
  return Signs(**custody, "rules") ? "" : "does not sign";
}

bool Holds(std::string_view text, std::string_view part) {
  CAPTURE(text);
  CAPTURE(part);
  CHECK_NE(text.find(part), std::string_view::npos);
  return text.find(part) != std::string_view::npos;
}

struct AttributeCase {
  const char* name;
  const char* line;   // for the module
  const char* state;  // in the reason; null: no rule is broken
};

const AttributeCase kAttributes[] = {
    {"CKA_SENSITIVE", "0x103 0", "false"},
    {"CKA_ALWAYS_SENSITIVE", "0x165 0", "false"},
    {"CKA_ALWAYS_SENSITIVE", "0x165 -", "unknown"},
    {"CKA_EXTRACTABLE", "0x162 1", "true"},
    {"CKA_NEVER_EXTRACTABLE", "0x164 0", "false"},
    {"CKA_LOCAL", "0x163 0", "false"},
    {"CKA_LOCAL", "0x163 -", "unknown"},
    {"CKA_DECRYPT", "0x105 1", "true"},
    {"CKA_UNWRAP", "0x107 1", "true"},
    {"CKA_DERIVE", "0x10c 1", "true"},
    {"CKA_DERIVE", "0x10c -", nullptr},
    {"CKA_TOKEN", "0x1 -", nullptr},
};

TEST_CASE("a key that breaks a rule is refused by its attribute, and serves under a waiver") {
  const FaultyState faulty;
  for (const AttributeCase& c : kAttributes) {
    CAPTURE(c.line);
    faulty.Ask("attributes", c.line);
    faulty.Configure({});
    const std::string verdict = Verdict(faulty.state());
    if (c.state == nullptr) {
      CHECK_EQ(verdict, "");
      continue;
    }
    Holds(verdict, "ca.key: attributes: " + std::string(c.name) + " " + c.state);
    Holds(verdict, "waive-key-attributes");
    const std::string waiver = "  waive-key-attributes: [" + std::string(c.name) + "]\n";
    faulty.Configure({.ca = waiver});
    CHECK_EQ(Verdict(faulty.state()), "");
  }
}

TEST_CASE("what makes a key useless cannot be waived") {
  const FaultyState faulty;
  faulty.Ask("attributes", "0x108 0");
  Holds(Verdict(faulty.state()), "CKA_SIGN false");
  faulty.Ask("attributes", "0x1 0");
  Holds(Verdict(faulty.state()), "CKA_TOKEN false");
}

TEST_CASE("every rule that can be waived is a name that the configuration takes, and no other") {
  const support::HsmState state;
  for (const hsm::KeyRule& rule : hsm::KeyRules()) {
    CAPTURE(rule.name);
    state.Configure({.ca = "  waive-key-attributes: [" + std::string(rule.name) + "]\n"});
    const auto text = schema::ReadFile(state.config_file());
    REQUIRE(text.has_value());
    CHECK_EQ(schema::ParseConfig(*text, state.config_file()).has_value(), rule.waivable);
  }
}

TEST_CASE("real keys: extractable, for derivation, of another type, two of one label") {
  struct Row {
    const char* options;
    const char* want;
  };
  const Row rows[] = {
      {"--key-type EC:prime256v1 --usage-sign --sensitive --extractable", "CKA_EXTRACTABLE true"},
      {"--key-type EC:prime256v1 --usage-sign --usage-derive --sensitive", "CKA_DERIVE true"},
      {"--key-type EC:prime256v1 --usage-sign --sensitive",
       "CKA_DECRYPT true (it serves another purpose too: decryption), CKA_UNWRAP true"},
      {"--key-type RSA:2048 --usage-sign --sensitive", "CKK_RSA; an ECDSA P-256 key is wanted"},
      {"--key-type EC:secp384r1 --usage-sign --sensitive", "not an ECDSA P-256 key"},
  };
  const support::HsmState state;
  int id = 10;
  for (const Row& row : rows) {
    CAPTURE(row.options);
    const std::string label = "odd" + std::to_string(id);
    state.token().MakeKeyPair(label, std::to_string(id++), row.options);
    state.Configure({.key = state.token().Uri(label)});
    Holds(Verdict(state), row.want);
  }
  state.token().MakeKeyPair("odd10", "20", rows[0].options);
  state.Configure({.key = state.token().Uri("odd10")});
  Holds(Verdict(state), "key: more than one private key matches; add id= to the URI");
}

TEST_CASE("the report has every attribute, and what was waived") {
  const FaultyState faulty({.log_key_in_token = true});
  faulty.Configure({.log_key_in_token = true, .ca = "  waive-key-attributes: [CKA_LOCAL]\n"});
  const auto reports = [&] {
    support::MemoryJournal journal;
    return tests::MustStart(faulty.state().Load(), journal)->key_reports();
  };
  auto texts = reports();
  REQUIRE_EQ(texts.size(), 2);
  const Json ca = Json::parse(texts[0]);
  CHECK_EQ(ca["key"], "ca.key");
  CHECK_EQ(ca["object"], "ca");
  CHECK_EQ(ca["id"], "01");
  CHECK_EQ(ca["mechanism"], "CKM_ECDSA");
  CHECK_FALSE(ca["token_serial"].get<std::string>().empty());
  CHECK_EQ(ca["attributes"].size(), hsm::KeyRules().size());
  CHECK_EQ(ca["attributes"]["CKA_NEVER_EXTRACTABLE"], true);
  CHECK_EQ(ca["attributes"]["CKA_DERIVE"], false);
  CHECK(ca["waived"].empty());  // nothing needed it
  CHECK_EQ(Json::parse(texts[1])["key"], "log.certificates.key");

  faulty.Ask("attributes", "0x163 0\n0x202 -");
  texts.clear();
  Holds(StartError(faulty.state()).detail, "log.certificates.key: attributes: CKA_LOCAL false");
  faulty.Configure({.ca = "  waive-key-attributes: [CKA_LOCAL]\n"});
  texts = reports();
  REQUIRE_EQ(texts.size(), 1);
  CHECK_EQ(Json::parse(texts[0])["waived"], Json({"CKA_LOCAL"}));
  CHECK(Json::parse(texts[0])["attributes"]["CKA_ALWAYS_AUTHENTICATE"].is_null());
}

TEST_CASE("a key that wants its PIN for each signature: only when the configuration says so") {
  const std::string waiver = "  waive-key-attributes: [CKA_DECRYPT, CKA_UNWRAP]\n";
  const FaultyState faulty(
      {.ca = waiver, .ca_key = "--key-type EC:prime256v1 --usage-sign --sensitive --always-auth"});
  Holds(Verdict(faulty.state()), "ca.key: attributes: CKA_ALWAYS_AUTHENTICATE true");
  CHECK_EQ(faulty.Calls("C_Sign"), 0);
  faulty.Configure({.ca = waiver + "  context-login: true\n"});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(faulty.state().Load(), journal);
  const int before = faulty.Calls("C_Login");
  for (int i = 0; i < 3; ++i) CHECK(Signs(*custody, std::to_string(i)));
  CHECK_EQ(faulty.Calls("C_Login"), before + 3);
  // The token counted a wrong PIN: nothing is tried.
  faulty.Ask("token-flags", "0x10000");
  CHECK_FALSE(Signs(*custody, "counted"));
  CHECK_EQ(faulty.Calls("C_Login"), before + 3);
  faulty.Unask("token-flags");
  CHECK(tests::Eventually([&] { return custody->Ready(); }));
  CHECK(Signs(*custody, "again"));
}

TEST_CASE("sessions that the token has no room for") {
  const FaultyState faulty({.sessions = 3});
  faulty.Ask("max-sessions", "2");
  Holds(Verdict(faulty.state()),
        "the token allows 2 sessions, 3 are configured; lower ca.sessions");
  faulty.Ask("max-sessions", "3");
  CHECK_EQ(Verdict(faulty.state()), "");
  faulty.Ask("C_OpenSession", "0xb1");
  Holds(Verdict(faulty.state()), "C_OpenSession: CKR_SESSION_COUNT (0xb1); the token has no");
}

TEST_CASE("mechanisms: raw ECDSA, or the token's own digest, or none") {
  const FaultyState faulty;
  for (const char* told : {"0x1041", "0x1041 0x1044", "0x1044", ""}) {
    CAPTURE(told);
    faulty.Ask("mechanisms", told);
    CHECK_EQ(Verdict(faulty.state()), "");
  }
  faulty.Ask("mechanisms", "0x1 0x250");
  Holds(Verdict(faulty.state()), "mechanism: the token has neither CKM_ECDSA nor CKM_ECDSA_SHA256");
}

TEST_CASE("a PIN that was refused is not tried by the next start either") {
  const FaultyState faulty;
  const support::SoftHsm& token = faulty.state().token();
  support::WriteFile(token.pin_file(), "wrong\n", 0400);
  for (int i = 0; i < 3; ++i) {
    CHECK(StartError(faulty.state()).Is(hsm::kPinRefused));
    CHECK_EQ(faulty.Calls("C_Login"), 1);
  }
  support::WriteFile(token.pin_file(), token.pin() + "\n", 0400);
  CHECK_EQ(Verdict(faulty.state()), "");
  CHECK_EQ(Verdict(faulty.state()), "");
}

TEST_CASE("a wrong PIN that another program entered stops the start, a right one lets it go on") {
  const FaultyState faulty;
  const support::SoftHsm& token = faulty.state().token();
  CHECK_FALSE(token.LogIn("wrong"));
  const schema::Error error = StartError(faulty.state());
  CHECK(error.Is(hsm::kKeyUnusable));
  Holds(error.detail, "ca.key: pin: the token says that someone entered a wrong PIN");
  CHECK_EQ(faulty.Calls("C_Login"), 0);
  CHECK(token.LogIn(token.pin()));
  CHECK_EQ(Verdict(faulty.state()), "");
}

TEST_CASE("public points of tokens") {
  const Bytes p256 = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  const support::HsmState state;
  const auto spki = hsm::P256Spki(state.token().PublicKey("ca").get());
  REQUIRE(spki.has_value());
  Bytes point(spki->bytes().end() - 65, spki->bytes().end());
  CHECK(*hsm::SpkiOfPoint(p256, point) == *spki);  // bare
  Bytes wrapped = {0x04, 0x41};
  wrapped.insert(wrapped.end(), point.begin(), point.end());
  CHECK(*hsm::SpkiOfPoint(p256, wrapped) == *spki);
  const auto refused = [](const Bytes& params, const Bytes& octets) {
    return !hsm::SpkiOfPoint(params, octets).has_value();
  };
  CHECK(refused({}, wrapped));
  CHECK(refused({0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}, wrapped));
  CHECK(refused(p256, {}));
  wrapped.pop_back();
  CHECK(refused(p256, wrapped));
  point.back() ^= 1;
  CHECK(refused(p256, point));  // not on the curve
  point.back() ^= 1;
  point.front() = 0x02;
  CHECK(refused(p256, point));
}

TEST_CASE("raw signatures become ECDSA-Sig-Value") {
  Bytes raw(64, 0);
  raw[31] = 0x7f;
  raw[32] = 0x80;
  const auto der = hsm::EcdsaSigValue(raw);
  REQUIRE(der.has_value());
  Bytes want = {0x30, 0x26, 0x02, 0x01, 0x7f, 0x02, 0x21, 0x00, 0x80};
  want.resize(40, 0);
  CHECK(der->bytes() == want);
  CHECK_FALSE(hsm::EcdsaSigValue(Bytes(63, 1)).has_value());
  CHECK_FALSE(hsm::EcdsaSigValue(Bytes(96, 1)).has_value());
}

TEST_CASE("hints of vendors are for their step") {
  using hsm::Step;
  CHECK(Holds(hsm::VendorHint("libsofthsm2.so", Step::kToken), "SOFTHSM2_CONF"));
  CHECK(Holds(hsm::VendorHint("yubihsm_pkcs11.so Yubico (www.yubico.com)", Step::kLogin),
              "authentication key"));
  CHECK(Holds(hsm::VendorHint("libCryptoki2_64.so", Step::kLogin), "Crypto Officer"));
  CHECK(Holds(hsm::VendorHint("libcknfast.so", Step::kLogin), "preload"));
  CHECK(Holds(hsm::VendorHint("libcloudhsm_pkcs11.so", Step::kLogin), "USER:PASSWORD"));
  CHECK(Holds(hsm::VendorHint("libnethsm_pkcs11.so", Step::kModule), "P11NETHSM_CONFIG_FILE"));
  CHECK(Holds(hsm::VendorHint("libtpm2_pkcs11.so", Step::kToken), "TPM2_PKCS11_STORE"));
  CHECK_EQ(hsm::VendorHint("libsofthsm2.so", Step::kChain), "");
  CHECK_EQ(hsm::VendorHint("libother.so", Step::kLogin), "");
}

}  // namespace
