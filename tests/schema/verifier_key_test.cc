#include "schema/log/verifier_key.h"

#include <doctest/doctest.h>

#include "schema/base/base64.h"
#include "schema/base/openssl.h"
#include "schema/log/sct.h"
#include "schema/log/witness.h"

namespace {

using schema::NoteKeyType;
using schema::ParseNote;
using schema::ParseVerifierKey;
using schema::VerifierKey;
using schema::VerifyNote;

// The example of signed-note, with its key of type 01.
constexpr std::string_view kNeumannKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kNeumannNote =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

// One checkpoint with a line of type 05, by TesseraCT, and one of type 04, by torchwood.
constexpr std::string_view kText =
    "ct.lab.example\n706\n53qJVBUWRfG/S3Oyyx2vuMK5CblY6CA4ReKKlu0FyLk=\n";
constexpr std::string_view kTreeHeadSpki =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEROxTEE1OkMH08nR0m7WwWA0yBEI941ku9rrSIZid8hVTWHaIO4xsgf1m"
    "Q/GMze1mXxXREVcRChHqGj/YIoS+Wg==";
constexpr std::string_view kTreeHeadLine =
    "— ct.lab.example "
    "Yth2BAAAAaH9KkmPBAMARzBFAiA4AlwDUopAslgIQXtAK2BTTFTf0UV7K7OsIxDlo+YSIgIhAPTChVZ2fxk6CHtAQaAZ"
    "qIl3HT1TiEcJ0x32zbWRxtvh\n";
constexpr std::string_view kWitnessKey =
    "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
constexpr std::string_view kWitnessLine =
    "— witness.example/w1 519lMgAAAABrCQuGmZ+rfzmnx0mAJceBn93pUTxlCDsG7+bVIvFc3lEnZtgQZ44JyiHKEQwl"
    "5SonOm1plK81kan+0EwZMrUmfQ6PAg==\n";

VerifierKey TreeHeadKey() {
  const auto spki = schema::DecodeBase64Lenient(kTreeHeadSpki);
  REQUIRE(spki);
  return {"ct.lab.example", NoteKeyType::kTreeHead, *spki};
}

schema::Note Both() {
  const auto note =
      ParseNote(std::string(kText) + "\n" + std::string(kTreeHeadLine) + std::string(kWitnessLine));
  REQUIRE(note);
  return *note;
}

VerifierKey Parsed(std::string_view text) {
  const auto key = ParseVerifierKey(text);
  REQUIRE(key);
  CHECK_EQ(key->Text(), text);
  return *key;
}

TEST_CASE("keys and signatures that others made verify, each under its own type") {
  const auto neumann = ParseNote(kNeumannNote);
  REQUIRE(neumann);
  CHECK(VerifyNote(*neumann, Parsed(kNeumannKey)));

  const schema::Note both = Both();
  const VerifierKey witness = Parsed(kWitnessKey);
  CHECK(witness.type == NoteKeyType::kCosignature);
  const auto line = VerifyNote(both, witness);
  REQUIRE(line);
  const auto parts = schema::ParseCosignature(line->signature);
  REQUIRE(parts);
  CHECK_EQ(schema::Rfc3339(parts->time).substr(0, 4), "2026");

  const VerifierKey log = Parsed(TreeHeadKey().Text());
  CHECK(log == TreeHeadKey());
  CHECK_EQ(schema::Hex(log.Id()), "62d87604");
  CHECK(VerifyNote(both, log));
}

TEST_CASE("a signature counts for its name, key, type and text only") {
  const schema::Note both = Both();
  const VerifierKey witness = Parsed(kWitnessKey);
  const auto refused = [](const schema::Note& note, const VerifierKey& key) {
    const auto line = VerifyNote(note, key);
    return !line && line.error().Is(schema::kNotSigned);
  };
  VerifierKey other = witness;
  other.name = "witness.example/w2";
  CHECK(refused(both, other));
  other = witness;
  other.type = NoteKeyType::kEd25519;
  CHECK(refused(both, other));
  // A line that claims to be of another type: id and octets fit, the signature does not.
  schema::Note claimed = both;
  claimed.lines[1].key_id = other.Id();
  claimed.lines[1].signature.erase(claimed.lines[1].signature.begin(),
                                   claimed.lines[1].signature.begin() + 8);
  CHECK(refused(claimed, other));
  for (std::size_t i = 0; i < 2; ++i) {
    const VerifierKey key = i == 0 ? TreeHeadKey() : witness;
    schema::Note changed = both;
    changed.text[15] = '8';
    CHECK(refused(changed, key));
    for (std::size_t at = 0; at < both.lines[i].signature.size(); ++at) {
      changed = both;
      changed.lines[i].signature[at] ^= 1;
      CHECK(refused(changed, key));
    }
    changed = both;
    changed.lines[i].signature.pop_back();
    CHECK(refused(changed, key));
    changed.lines.erase(changed.lines.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(refused(changed, key));
  }
  // A tree head is a signature over a checkpoint, not over any text.
  CHECK(refused(*ParseNote(kNeumannNote),
                {"PeterNeumann", NoteKeyType::kTreeHead, TreeHeadKey().key}));
}

TEST_CASE("ParseVerifierKey") {
  const std::string good(kWitnessKey);
  const std::string key = good.substr(good.rfind('+') + 1);
  const auto typed = [](std::uint8_t type, std::size_t size) {
    schema::Bytes octets(size + 1, 9);
    octets[0] = type;
    const schema::BytesView view(octets);
    return "n+" + schema::Hex(schema::Sha256(view)).substr(0, 8) + "+" + schema::Base64(octets);
  };
  const struct {
    std::string_view name;
    std::string text;
  } kRefused[] = {
      {"empty", ""},
      {"one part", "witness.example/w1"},
      {"two parts", "witness.example/w1+e75f6532"},
      {"no name", good.substr(good.find('+'))},
      {"a space in the name", "w 1" + good.substr(good.find('+'))},
      {"an id in upper case", "witness.example/w1+E75F6532+" + key},
      {"another id", "witness.example/w1+e75f6533+" + key},
      {"a short id", "witness.example/w1+e75f65+" + key},
      {"another name", "witness.example/w2+e75f6532+" + key},
      {"no key", "witness.example/w1+e75f6532+"},
      {"no base64", "witness.example/w1+e75f6532+!" + key},
      {"a newline", good + "\n"},
      {"a type of tomorrow", typed(6, 32)},
      {"a short key", typed(1, 31)},
      {"a long key", typed(4, 33)},
      {"no SPKI", typed(5, 91)},
      {"a fourth part", good + "+x"},
  };
  for (const auto& c : kRefused) {
    CAPTURE(c.name);
    const auto parsed = ParseVerifierKey(c.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().Is(schema::kBadVerifierKey));
  }
  // Base64 with a '+' in it.
  const VerifierKey plus{"n", NoteKeyType::kEd25519, schema::Bytes(32, 0xfb)};
  REQUIRE_NE(plus.Text().find('+', 11), std::string::npos);
  CHECK(Parsed(plus.Text()) == plus);
}

}  // namespace
