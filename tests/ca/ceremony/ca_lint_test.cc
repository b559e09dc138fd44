// One thing wrong at a time, and the rule that finds it.
#include "ca/ceremony/ca_lint.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "ca/linted.h"
#include "tests/ca/ceremony/terms.h"

namespace {

using namespace ca::ceremony;  // NOLINT(google-build-using-namespace)
using std::chrono::hours;
using std::chrono::seconds;

struct Scene {
  schema::OwnedKey root_key = support::MakeKey("P-256"), issuing_key = support::MakeKey("P-256");
  CaTerms root = stage::RootTerms(root_key.get());
  CaTerms wanted = stage::IssuingTerms(issuing_key.get(), root);
  CaTerms written = wanted;  // what the writer is told
  ca::Serial serial = stage::kSerial;
  // Octets of the TBS replaced by others of the same number.
  schema::Bytes what, with;

  schema::Result<LintedCa> Lint(bool self_signed = false) const {
    schema::Bytes tbs = WriteCaTbs(written, serial).bytes();
    if (!what.empty()) {
      const auto at = std::search(tbs.begin(), tbs.end(), what.begin(), what.end());
      MUST(at != tbs.end() && what.size() == with.size());
      std::copy(with.begin(), with.end(), at);
    }
    return LintCa(schema::TbsDer(std::move(tbs)), wanted, self_signed ? nullptr : &root);
  }
};

struct Case {
  const char* rule;
  const char* name;
  std::function<void(Scene&)> spoil;
};
const Case kCases[] = {
    {"form", "CA:FALSE",
     [](Scene& s) {
       s.what = {0x30, 0x06, 0x01, 0x01, 0xff};
       s.with = {0x30, 0x06, 0x01, 0x01, 0x00};
     }},
    {"form", "a timestamp authority with a CA's KeyUsage",
     [](Scene& s) {
       s.written.purpose = Purpose::kTimestamps;
       s.written.path_length.reset();
       s.what = {0x03, 0x02, 0x07, 0x80};
       s.with = {0x03, 0x02, 0x01, 0x06};
     }},
    {"form", "another KeyUsage",
     [](Scene& s) {
       s.what = {0x03, 0x02, 0x01, 0x06};
       s.with = {0x03, 0x02, 0x01, 0x02};
     }},
    {"version", "version 2",
     [](Scene& s) {
       s.what = {0xa0, 0x03, 0x02, 0x01, 0x02};
       s.with = {0xa0, 0x03, 0x02, 0x01, 0x01};
     }},
    {"serial-number", "1",
     [](Scene& s) {
       s.serial = {};
       s.serial.back() = 1;
     }},
    {"serial-number", "21 octets", [](Scene& s) { s.serial[0] = 0x80; }},
    {"signature-algorithm", "SHA-384",
     [](Scene& s) {
       s.what = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
       s.with = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
     }},
    {"issuer", "another", [](Scene& s) { s.written.issuer = WriteName("Example", "Other"); }},
    {"subject", "another", [](Scene& s) { s.written.subject = WriteName("Example", "Other"); }},
    {"subject", "the issuer's",
     [](Scene& s) { s.wanted.subject = s.written.subject = s.root.subject; }},
    {"validity-order", "backwards",
     [](Scene& s) { s.written.not_after = s.written.not_before - seconds{1}; }},
    {"validity-length", "26 years",
     [](Scene& s) { s.written.not_after = s.written.not_before + hours{24 * 366 * 26}; }},
    {"validity-planned", "a second more", [](Scene& s) { s.written.not_after += seconds{1}; }},
    {"validity-nested", "before its issuer",
     [](Scene& s) { s.wanted.not_before = s.written.not_before -= seconds{1}; }},
    {"validity-nested", "after its issuer",
     [](Scene& s) { s.wanted.not_after = s.written.not_after = s.root.not_after + seconds{1}; }},
    {"key", "another", [](Scene& s) { s.written.spki = s.root.spki; }},
    {"key", "off its curve",
     [](Scene& s) {
       schema::Bytes spki = s.wanted.spki.bytes();
       spki.back() ^= 1;
       s.wanted.spki = s.written.spki = schema::SpkiDer(spki);
     }},
    {"extensions", "no purpose", [](Scene& s) { s.written.purpose = Purpose::kAny; }},
    {"path-length", "another", [](Scene& s) { s.written.path_length = std::uint8_t{1}; }},
    {"path-length", "not less than its issuer's",
     [](Scene& s) { s.root.path_length = std::uint8_t{0}; }},
    {"extended-key-usage", "another",
     [](Scene& s) { s.written.purpose = Purpose::kPrecertificates; }},
    {"extensions", "a purpose that is not critical, of a timestamp authority",
     [](Scene& s) { s.wanted.purpose = Purpose::kTimestamps; }},
    {"subject-key-identifier", "another", [](Scene& s) { s.written.key_id[0] ^= 1; }},
    {"authority-key-identifier", "another", [](Scene& s) { s.written.issuer_key_id[0] ^= 1; }},
};

TEST_CASE("a good certificate breaks no rule") {
  Scene scene;
  const auto linted = scene.Lint();
  if (!linted) FAIL(linted.error().Describe());
  scene.wanted = scene.written = scene.root;
  const auto root = scene.Lint(true);
  if (!root) FAIL(root.error().Describe());
}

TEST_CASE("each rule finds what it is for") {
  std::set<std::string> seen;
  for (const Case& c : kCases) {
    CAPTURE(c.rule);
    CAPTURE(c.name);
    Scene scene;
    c.spoil(scene);
    const auto linted = scene.Lint();
    REQUIRE_FALSE(linted);
    CHECK(linted.error().Is(ca::kLint));
    CAPTURE(linted.error().detail);
    CHECK(linted.error().detail.starts_with(std::string(c.rule) + " ("));
    seen.insert(c.rule);
  }
  for (const std::string& rule : CaLintRules()) {
    CAPTURE(rule);
    CHECK(seen.contains(rule));
  }
}

}  // namespace
