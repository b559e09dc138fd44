#include "schema/log/checkpoint.h"

#include <doctest/doctest.h>

#include "schema/base/base64.h"
#include "schema/base/openssl.h"
#include "schema/log/sct.h"
#include "tests/schema/octets.h"

namespace {

using schema::AsBytes;
using schema::Bytes;
using schema::Hash;
using schema::ParseCheckpointText;
using schema::ParseNote;
using schema::TimeMs;
using std::chrono::milliseconds;

// A checkpoint that TesseraCT wrote over a tree of 706 entries, and the log's public key.
constexpr std::string_view kSpki =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEROxTEE1OkMH08nR0m7WwWA0yBEI941ku9rrSIZid8hVTWHaIO4xsgf1m"
    "Q/GMze1mXxXREVcRChHqGj/YIoS+Wg==";
constexpr std::string_view kText =
    "ct.lab.example\n706\n53qJVBUWRfG/S3Oyyx2vuMK5CblY6CA4ReKKlu0FyLk=\n";
constexpr std::string_view kSignature =
    "\n— ct.lab.example "
    "Yth2BAAAAaH9KkmPBAMARzBFAiA4AlwDUopAslgIQXtAK2BTTFTf0UV7K7OsIxDlo+YSIgIhAPTChVZ2fxk6CHtAQaAZ"
    "qIl3HT1TiEcJ0x32zbWRxtvh\n";

// The example of signed-note.
constexpr std::string_view kNeumannKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kNeumannNote =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

std::string Text(std::string_view a, std::string_view b) { return std::string(a).append(b); }

Bytes Decoded(std::string_view base64) {
  auto bytes = schema::DecodeBase64Lenient(base64);
  REQUIRE(bytes);
  return *bytes;
}

// `digest` is nullptr for Ed25519.
bool Verifies(EVP_PKEY* key, const EVP_MD* digest, schema::BytesView input,
              schema::BytesView signature) {
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  REQUIRE_EQ(EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key), 1);
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), input.data(),
                          input.size()) == 1;
}

TEST_CASE("a checkpoint of TesseraCT, octet for octet") {
  const Bytes spki = Decoded(kSpki);
  const Hash log_id = schema::Sha256(spki);
  CHECK_EQ(schema::Hex(log_id), "ef3b5376e1765c5dba670a0de72376b7d8fb7a1daaed976622a31868266020c7");
  const auto note = ParseNote(Text(kText, kSignature));
  REQUIRE(note);
  CHECK_EQ(note->text, kText);
  REQUIRE_EQ(note->lines.size(), 1);
  const schema::Note::Line& line = note->lines[0];
  CHECK_EQ(line.name, "ct.lab.example");
  CHECK_EQ(schema::Hex(line.key_id), "62d87604");
  CHECK(line.key_id == schema::TreeHeadKeyId("ct.lab.example", log_id));

  const auto body = ParseCheckpointText(note->text);
  REQUIRE(body);
  CHECK_EQ(body->origin, "ct.lab.example");
  CHECK_EQ(body->size, 706);
  CHECK_EQ(schema::CheckpointText(body->origin, body->size, body->root), kText);

  // u64 ms ‖ 04 03 ‖ u16 length ‖ DER: made again from its parts, then verified.
  REQUIRE(line.signature.size() > 12);
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 8; ++i) ms = ms << 8 | line.signature[i];
  const TimeMs timestamp{milliseconds(ms)};
  CHECK_EQ(schema::Rfc3339(timestamp).substr(0, 4), "2026");
  const Bytes der(line.signature.begin() + 12, line.signature.end());
  CHECK(schema::TreeHeadNoteSignature(timestamp, der) == line.signature);
  CHECK_EQ("\n" + schema::SignatureLine(line.name, line.key_id, line.signature), kSignature);
  const std::uint8_t* at = spki.data();
  const schema::OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  REQUIRE(key != nullptr);
  const Bytes input = schema::TreeHeadInput(timestamp, body->size, body->root);
  CHECK(Verifies(key.get(), EVP_sha256(), input, der));
  CHECK_FALSE(Verifies(key.get(), EVP_sha256(),
                       schema::TreeHeadInput(timestamp, body->size + 1, body->root), der));
}

TEST_CASE("the example of signed-note") {
  const auto note = ParseNote(kNeumannNote);
  REQUIRE(note);
  REQUIRE_EQ(note->lines.size(), 1);
  const Bytes key = Decoded(kNeumannKey.substr(kNeumannKey.rfind('+') + 1));
  const Bytes public_key(key.begin() + 1, key.end());
  CHECK(note->lines[0].key_id == schema::Ed25519KeyId("PeterNeumann", public_key));
  const schema::OwnedKey handle(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  REQUIRE(handle != nullptr);
  CHECK(Verifies(handle.get(), nullptr, AsBytes(note->text), note->lines[0].signature));
  CHECK(ParseCheckpointText(note->text).error().Is(schema::kBadCheckpoint));
}

TEST_CASE("ParseCheckpointText") {
  constexpr std::string_view kRoot = "53qJVBUWRfG/S3Oyyx2vuMK5CblY6CA4ReKKlu0FyLk=";
  const std::string root(kRoot);
  const struct {
    std::string_view name;
    std::string text;
    bool good;
  } kCases[] = {
      {"size 0", "o\n0\n" + root + "\n", true},
      {"the largest size", "o\n18446744073709551615\n" + root + "\n", true},
      {"an origin with a path", "ca.example.org/events/2026\n1\n" + root + "\n", true},
      {"empty", "", false},
      {"no newline at the end", "o\n1\n" + root, false},
      {"an empty origin", "\n1\n" + root + "\n", false},
      {"a space in the origin", "o o\n1\n" + root + "\n", false},
      {"a plus in the origin", "o+o\n1\n" + root + "\n", false},
      {"CR LF", "o\r\n1\r\n" + root + "\r\n", false},
      {"an origin that is not UTF-8", "o\xff\n1\n" + root + "\n", false},
      {"an empty size", "o\n\n" + root + "\n", false},
      {"a leading zero", "o\n01\n" + root + "\n", false},
      {"a sign", "o\n+1\n" + root + "\n", false},
      {"a negative size", "o\n-1\n" + root + "\n", false},
      {"hexadecimal", "o\n0x1\n" + root + "\n", false},
      {"a size beyond u64", "o\n18446744073709551616\n" + root + "\n", false},
      {"a space after the size", "o\n1 \n" + root + "\n", false},
      {"no root", "o\n1\n", false},
      {"a root of 31 octets", "o\n1\n" + schema::Base64(Bytes(31)) + "\n", false},
      {"a root of 33 octets", "o\n1\n" + schema::Base64(Bytes(33)) + "\n", false},
      {"a root without padding", "o\n1\n" + root.substr(0, 43) + "\n", false},
      {"a root with loose bits", "o\n1\n" + root.substr(0, 42) + "l=\n", false},
      {"a URL-safe root", "o\n1\n53qJVBUWRfG_S3Oyyx2vuMK5CblY6CA4ReKKlu0FyLk=\n", false},
      {"an extension line", "o\n1\n" + root + "\nmore\n", false},
      {"an empty extension line", "o\n1\n" + root + "\n\n", false},
      {"too long", std::string(5000, 'o') + "\n1\n" + root + "\n", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto body = ParseCheckpointText(c.text);
    CHECK_EQ(body.has_value(), c.good);
    if (body) CHECK_EQ(schema::CheckpointText(body->origin, body->size, body->root), c.text);
    if (!body) CHECK(body.error().Is(schema::kBadCheckpoint));
  }
}

TEST_CASE("ParseNote") {
  const std::string text(kText);
  const std::string line = schema::SignatureLine("a.example", {1, 2, 3, 4}, Octets("0506"));
  const struct {
    std::string_view name;
    std::string note;
    std::size_t lines;  // 0: refused
  } kCases[] = {
      {"one signature", text + "\n" + line, 1},
      {"two signatures", text + "\n" + line + line, 2},
      {"an empty line in the text", "a\n\nb\n\n" + line, 1},
      {"a text that looks like a signature", line + "\n" + line, 1},
      {"no signature", text + "\n", 0},
      {"no empty line", text + line, 0},
      {"nothing", "", 0},
      {"no newline at the end", text + "\n" + line.substr(0, line.size() - 1), 0},
      {"an empty line after the signatures", text + "\n" + line + "\n", 0},
      {"a hyphen", text + "\n- a.example AQIDBAUG\n", 0},
      {"an en dash", text + "\n– a.example AQIDBAUG\n", 0},
      {"an empty name", text + "\n—  AQIDBAUG\n", 0},
      {"a plus in the name", text + "\n— a+b AQIDBAUG\n", 0},
      {"no signature octets", text + "\n— a AQIDBA==\n", 0},
      {"no base64", text + "\n— a\n", 0},
      {"base64 that is not canonical", text + "\n— a AQIDBAV=\n", 0},
      {"two spaces", text + "\n— a  AQIDBAUG\n", 0},
      {"a trailing space", text + "\n— a AQIDBAUG \n", 0},
      {"a carriage return", text + "\n— a AQIDBAUG\r\n", 0},
      {"a tab in the text", "a\tb\n\n" + line, 0},
      {"a text that is not UTF-8", "\xc0\x80\n\n" + line, 0},
      {"a long text", std::string(5000, 'x') + "\n\n" + line, 0},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto note = ParseNote(c.note);
    REQUIRE_EQ(note.has_value(), c.lines > 0);
    if (!note) {
      CHECK(note.error().Is(schema::kBadCheckpoint));
      continue;
    }
    CHECK_EQ(note->lines.size(), c.lines);
    std::string again = note->text + "\n";
    for (const auto& one : note->lines) {
      again += schema::SignatureLine(one.name, one.key_id, one.signature);
    }
    CHECK_EQ(again, c.note);
  }
}

TEST_CASE("a note has at most a hundred signatures") {
  const std::string line = schema::SignatureLine("a", {1, 2, 3, 4}, Octets("05"));
  std::string note = std::string(kText) + "\n";
  for (int i = 0; i < 100; ++i) note += line;
  CHECK(ParseNote(note));
  CHECK_FALSE(ParseNote(note + line));
}

}  // namespace
