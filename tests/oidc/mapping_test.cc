// Every row of tests/vectors/fulcio-vectors.json: what Fulcio's own identity code made of these
// claims.
#include "oidc/mapping.h"

#include <doctest/doctest.h>

#include <map>

#include "oidc/issuers.h"
#include "oidc/verifier.h"
#include "schema/base/der.h"
#include "schema/base/file.h"
#include "schema/base/json.h"
#include "schema/extensions.h"

namespace {

using schema::Json;

// Rows where we differ from Fulcio on purpose.
struct Difference {
  std::string_view name;
  std::string_view reason;
  bool refused;
  std::string_view san;                      // when not refused
  std::map<std::string, std::string> texts;  // by OID
};
const Difference kDifferences[] = {
    {"github token claim url overrides default",
     "a token's claim never replaces an operator's constant: `url` stays https://github.com",
     false,
     "https://github.com/a/b/.github/workflows/c.yml@refs/heads/main",
     {{"1.3.6.1.4.1.57264.1.9", "https://github.com/a/b/.github/workflows/c.yml@refs/heads/main"},
      {"1.3.6.1.4.1.57264.1.12", "https://github.com/a/b"},
      {"1.3.6.1.4.1.57264.1.16", "https://github.com/a"},
      {"1.3.6.1.4.1.57264.1.18", "https://github.com/w"},
      {"1.3.6.1.4.1.57264.1.21", "https://github.com/a/b/actions/runs/42/attempts/2"}}},
    {"circleci with every custom claim missing",
     "`index` on a missing key is an error: the SAN would name no project",
     true,
     "",
     {}},
    {"kubernetes without kubernetes.io claim",
     "the SAN would name no namespace and no service account",
     true,
     "",
     {}},
};

const Difference* FindDifference(const std::string& name) {
  for (const Difference& difference : kDifferences) {
    if (difference.name == name) return &difference;
  }
  return nullptr;
}

// The shipped metadata, and one issuer made from the row.
std::string IssuersFor(const Json& row) {
  const auto shipped = schema::ReadFile("config/issuers.yaml");
  REQUIRE(shipped);
  const std::size_t metadata = shipped->find("ci-issuer-metadata:");
  REQUIRE_NE(metadata, std::string::npos);
  const std::string url = row["claims"]["iss"];
  std::string out = "oidc-issuers:\n  " + url + ":\n    issuer-url: " + url +
                    "\n    client-id: sigstore\n    type: " + std::string(row["type"]) + "\n";
  if (row.contains("issuer_config")) {
    for (const auto& [key, value] : row["issuer_config"].items()) {
      out += "    " + key + ": " + std::string(value) + "\n";
    }
  }
  return out + shipped->substr(metadata);
}

std::string EncodedHex(const schema::FulcioExtension& extension) {
  const schema::FulcioArc* arc = schema::FindArc(extension.arc);
  REQUIRE_NE(arc, nullptr);
  if (arc->raw) return schema::Hex(schema::AsBytes(extension.text));
  schema::der::Writer writer;
  writer.Utf8(extension.text);
  return schema::Hex(writer.view());
}

std::string_view KindName(schema::San::Kind kind) {
  switch (kind) {
    case schema::San::Kind::kUri:
      return "URI";
    case schema::San::Kind::kEmail:
      return "rfc822Name";
    case schema::San::Kind::kOtherName:
      return "otherName";
  }
  return "";
}

void CheckExtensions(const Json& row, const schema::Identity& got, const Difference* difference) {
  REQUIRE_EQ(got.extensions.size(), row["custom_extensions"].size());
  std::size_t i = 0;
  for (const Json& want : row["custom_extensions"]) {
    const schema::FulcioExtension& extension = got.extensions[i++];
    const std::string oid = "1.3.6.1.4.1.57264.1." + std::to_string(extension.arc);
    CAPTURE(oid);
    CHECK_EQ(oid, std::string(want["oid"]));
    const bool differs = difference != nullptr && difference->texts.contains(oid);
    CHECK_EQ(extension.text, differs ? difference->texts.at(oid) : std::string(want["text"]));
    if (differs) CHECK_NE(extension.text, std::string(want["text"]));
    if (want.contains("value_hex") && !differs) {
      CHECK_EQ(EncodedHex(extension), std::string(want["value_hex"]));
    }
  }
}

void CheckRow(const Json& row) {
  const std::string name = row["name"];
  CAPTURE(name);
  const Difference* difference = FindDifference(name);
  std::vector<schema::Error> problems;
  const auto issuers = oidc::LoadIssuers(IssuersFor(row), "/", problems);
  for (const schema::Error& problem : problems) MESSAGE(problem.Describe());
  REQUIRE(problems.empty());
  REQUIRE(issuers);
  const auto issuer = issuers->Find(std::string(row["claims"]["iss"]));
  REQUIRE_NE(issuer, nullptr);

  const auto got = oidc::Map(*issuer, row["claims"]);
  const bool refused = row.contains("error") || (difference != nullptr && difference->refused);
  const std::string refusal = got ? "" : got.error().Describe();
  CAPTURE(refusal);
  REQUIRE_EQ(got.has_value(), !refused);
  if (refused) {
    CHECK(got.error().Is(oidc::kClaims));
    return;
  }
  CHECK_EQ(got->issuer, std::string(row["claims"]["iss"]));
  CHECK_EQ(got->issuer_type, std::string(row["type"]));
  CHECK_EQ(got->subject, std::string(row["claims"]["sub"]));
  CHECK_EQ(got->proof_message, std::string(row["pop_message"]));
  CHECK_EQ(KindName(got->san.kind), std::string(row["san_kind"]));
  CHECK_EQ(got->san.value,
           difference != nullptr ? std::string(difference->san) : std::string(row["san"]));
  CheckExtensions(row, *got, difference);
}

}  // namespace

TEST_CASE("every row of Fulcio's vectors") {
  const auto text = schema::ReadFile("tests/vectors/fulcio-vectors.json");
  REQUIRE(text);
  const auto vectors = schema::ParseJson(*text, {.bytes = 1 << 20});
  REQUIRE(vectors);
  REQUIRE_EQ((*vectors)["vectors"].size(), 25);
  std::size_t differences = 0;
  for (const Json& row : (*vectors)["vectors"]) {
    CheckRow(row);
    if (FindDifference(row["name"]) != nullptr) ++differences;
  }
  CHECK_EQ(differences, std::size(kDifferences));
}
