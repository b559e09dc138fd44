#include "ca/pem.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>

#include "tests/ca/samples.h"

namespace {

struct Case {
  const char* name;
  std::string text;
  const char* want;  // part of the detail; empty: accepted
};

TEST_CASE("ParsePem takes whole blocks and nothing else") {
  const Case cases[] = {
      {"one", "-----BEGIN A-----\nAAEC\n-----END A-----\n", ""},
      {"no newline at the end", "-----BEGIN A-----\nAAEC\n-----END A-----", ""},
      {"CR LF", "-----BEGIN A-----\r\nAAEC\r\n-----END A-----\r\n", ""},
      {"white space around", "\n \t-----BEGIN A-----\nAAEC\n-----END A-----\n\n ", ""},
      {"short lines", "-----BEGIN A-----\nAA\nEC\n-----END A-----", ""},
      {"one pad", "-----BEGIN A-----\nAAE=\n-----END A-----", ""},
      {"two pads", "-----BEGIN A-----\nAA==\n-----END A-----", ""},
      {"two blocks",
       "-----BEGIN A-----\nAA==\n-----END A-----\n-----BEGIN B-----\nAA==\n-----END B-----", ""},
      {"empty", "", "no block"},
      {"only space", " \r\n", "no block"},
      {"empty body", "-----BEGIN A-----\n-----END A-----", "bad base64"},
      {"text before", "hello\n-----BEGIN A-----\nAAEC\n-----END A-----", "text outside"},
      {"text after", "-----BEGIN A-----\nAAEC\n-----END A-----\nhello", "text outside"},
      {"text on the END line", "-----BEGIN A-----\nAAEC\n-----END A-----x", "after the END line"},
      {"NUL after", std::string("-----BEGIN A-----\nAAEC\n-----END A-----\0", 39),
       "after the END line"},
      {"BEGIN line does not end", "-----BEGIN A-----AAEC\n-----END A-----", "does not end"},
      {"labels differ", "-----BEGIN A-----\nAAEC\n-----END B-----", "labels differ"},
      {"END label longer", "-----BEGIN A-----\nAAEC\n-----END AB-----", "labels differ"},
      {"no END", "-----BEGIN A-----\nAAEC\n", "no END"},
      {"another BEGIN", "-----BEGIN A-----\nAAEC\n-----BEGIN A-----\n", "no END"},
      {"END within a line", "-----BEGIN A-----\nAAEC-----END A-----", "start of a line"},
      {"header", "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAEC\n-----END A-----",
       "bad base64"},
      {"header without dashes", "-----BEGIN A-----\nDEK: 4\n\nAAEC\n-----END A-----", "bad base64"},
      {"URL alphabet", "-----BEGIN A-----\nAA_-\n-----END A-----", "bad base64"},
      {"no padding", "-----BEGIN A-----\nAAE\n-----END A-----", "bad base64"},
      {"too much padding", "-----BEGIN A-----\nAAE==\n-----END A-----", "bad base64"},
      {"padding on a whole group", "-----BEGIN A-----\nAAEC====\n-----END A-----", "bad base64"},
      {"padding inside", "-----BEGIN A-----\nAA==AAEC\n-----END A-----", "bad base64"},
      {"trailing bits", "-----BEGIN A-----\nAAF=\n-----END A-----", "bad base64"},
      {"more trailing bits", "-----BEGIN A-----\nAB==\n-----END A-----", "bad base64"},
      {"one sextet", "-----BEGIN A-----\nA\n-----END A-----", "bad base64"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto got = ca::ParsePem(c.text, 8);
    REQUIRE_EQ(got.has_value(), std::string_view(c.want).empty());
    if (got) continue;
    CHECK(got.error().Is(ca::kBadPem));
    CAPTURE(got.error().detail);
    CHECK(got.error().detail.find(c.want) != std::string::npos);
  }
}

TEST_CASE("ParsePem counts blocks") {
  const std::string block = "-----BEGIN A-----\nAAEC\n-----END A-----\n";
  CHECK(ca::ParsePem(block + block, 2).has_value());
  const auto third = ca::ParsePem(block + block + block, 2);
  REQUIRE(!third);
  CHECK_EQ(third.error().detail, "block 3: too many blocks");
}

TEST_CASE("Pem writes what OpenSSL writes, for every length around a line") {
  for (std::size_t size = 1; size < 200; ++size) {
    schema::Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + size);
    const schema::OwnedBio bio(BIO_new(BIO_s_mem()));
    REQUIRE(PEM_write_bio(bio.get(), "SOME LABEL", "", bytes.data(), static_cast<long>(size)) > 0);
    char* text = nullptr;
    const long text_size = BIO_get_mem_data(bio.get(), &text);
    const std::string theirs(text, static_cast<std::size_t>(text_size));
    CHECK_EQ(ca::Pem("SOME LABEL", bytes) + "\n", theirs);

    const auto back = ca::ParsePem(theirs, 1);
    REQUIRE(back);
    CHECK_EQ(back->front().label, "SOME LABEL");
    CHECK_EQ(back->front().der, bytes);
  }
}

TEST_CASE("LooksLikePem tells PEM from DER") {
  CHECK(ca::LooksLikePem("\n-----BEGIN X"));
  CHECK(!ca::LooksLikePem("0Y0\x13"));
  CHECK(!ca::LooksLikePem(""));
}

}  // namespace
