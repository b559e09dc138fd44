// Every row of tests/vectors/fulcio-vectors.json: what Fulcio's own identity code made of these
// claims.
#include "oidc/mapping.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <span>

#include "oidc/issuers.h"
#include "oidc/verifier.h"
#include "schema/base/der.h"
#include "schema/base/file.h"
#include "schema/base/json.h"
#include "schema/extensions.h"

namespace {

using schema::Json;

// Rows where we differ from Fulcio on purpose, unless --fulcio-compat is on.
struct Difference {
  enum class How { kOtherTexts, kTokenRefused, kIssuerRefused };
  std::string_view name;
  std::string_view reason;
  How how;
  std::string_view san;                      // when not refused
  std::map<std::string, std::string> texts;  // by OID
};
const Difference kDifferences[] = {
    {"github token claim url overrides default",
     "a self-managed GitHub would get certificates of github.com, but for a claim that a token "
     "brings or not: the entry must say which site it is",
     Difference::How::kIssuerRefused,
     "",
     {}},
    {"gitlab self-managed with stock metadata",
     "its extensions 12, 16 and 21 would name gitlab.com: the entry must say which site it is",
     Difference::How::kIssuerRefused,
     "",
     {}},
    {"circleci with every custom claim missing",
     "`index` on a missing key is an error: the SAN would name no project",
     Difference::How::kTokenRefused,
     "",
     {}},
    {"kubernetes without kubernetes.io claim",
     "the SAN would name no namespace and no service account",
     Difference::How::kTokenRefused,
     "",
     {}},
};
// The same once the entry has its one line, the site.
const Difference kMended[] = {
    {"github token claim url overrides default",
     "a token's claim never replaces an operator's constant: `url` is the entry's",
     Difference::How::kOtherTexts,
     "https://ghe.corp.example/a/b/.github/workflows/c.yml@refs/heads/main",
     {{"1.3.6.1.4.1.57264.1.9",
       "https://ghe.corp.example/a/b/.github/workflows/c.yml@refs/heads/main"},
      {"1.3.6.1.4.1.57264.1.12", "https://ghe.corp.example/a/b"},
      {"1.3.6.1.4.1.57264.1.16", "https://ghe.corp.example/a"},
      {"1.3.6.1.4.1.57264.1.18", "https://ghe.corp.example/w"},
      {"1.3.6.1.4.1.57264.1.21", "https://ghe.corp.example/a/b/actions/runs/42/attempts/2"}}},
    {"gitlab self-managed with stock metadata",
     "`url` is the entry's",
     Difference::How::kOtherTexts,
     "https://git.corp.example/grp/app//.gitlab-ci.yml@refs/heads/main",
     {{"1.3.6.1.4.1.57264.1.12", "https://git.corp.example/grp/app"},
      {"1.3.6.1.4.1.57264.1.16", "https://git.corp.example/grp"},
      {"1.3.6.1.4.1.57264.1.21", "https://git.corp.example/grp/app/-/jobs/1001"}}},
};

const Difference* FindDifference(std::span<const Difference> among, const std::string& name) {
  for (const Difference& difference : among) {
    if (difference.name == name) return &difference;
  }
  return nullptr;
}

std::string Shipped() {
  const auto shipped = schema::ReadFile("config/issuers.yaml");
  REQUIRE(shipped);
  const std::size_t metadata = shipped->find("ci-issuer-metadata:");
  REQUIRE_NE(metadata, std::string::npos);
  return shipped->substr(metadata);
}

// One issuer made from the row, and the metadata. `more` are further lines of the entry.
std::string IssuersFor(const Json& row, const std::string& metadata, std::string_view more = "") {
  const std::string url = row["claims"]["iss"];
  std::string out = "oidc-issuers:\n  " + url + ":\n    issuer-url: " + url +
                    "\n    client-id: sigstore\n    type: " + std::string(row["type"]) + "\n";
  if (row.contains("issuer_config")) {
    for (const auto& [key, value] : row["issuer_config"].items()) {
      out += "    " + key + ": " + std::string(value) + "\n";
    }
  }
  return out.append(more).append(metadata);
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

void CheckIdentity(const Json& row, const schema::Identity& got, const Difference* difference) {
  CHECK_EQ(got.issuer, std::string(row["claims"]["iss"]));
  CHECK_EQ(got.issuer_type, std::string(row["type"]));
  CHECK_EQ(got.subject, std::string(row["claims"]["sub"]));
  CHECK_EQ(got.proof_message, std::string(row["pop_message"]));
  CHECK_EQ(KindName(got.san.kind), std::string(row["san_kind"]));
  CHECK_EQ(got.san.value,
           difference != nullptr ? std::string(difference->san) : std::string(row["san"]));
  CheckExtensions(row, got, difference);
}

// `text` is an issuers file with the row's issuer.
void CheckRow(const Json& row, const std::string& text, const oidc::Rules& rules,
              const Difference* difference) {
  const std::string name = row["name"];
  CAPTURE(name);
  std::vector<schema::Error> problems;
  const auto issuers = oidc::LoadIssuers(text, "/", problems, rules);
  if (difference != nullptr && difference->how == Difference::How::kIssuerRefused) {
    REQUIRE_FALSE(issuers);
    CHECK_EQ(problems.size(), 1);
    return;
  }
  for (const schema::Error& problem : problems) MESSAGE(problem.Describe());
  REQUIRE(problems.empty());
  REQUIRE(issuers);
  const auto issuer = issuers->Find(std::string(row["claims"]["iss"]));
  REQUIRE_NE(issuer, nullptr);

  const auto got = oidc::Map(*issuer, row["claims"]);
  const bool refused = row.contains("error") ||
                       (difference != nullptr && difference->how == Difference::How::kTokenRefused);
  const std::string refusal = got ? "" : got.error().Describe();
  CAPTURE(refusal);
  REQUIRE_EQ(got.has_value(), !refused);
  if (refused) {
    CHECK(got.error().Is(oidc::kClaims));
  } else {
    CheckIdentity(row, *got, difference);
  }
}

Json Vectors() {
  const auto text = schema::ReadFile("tests/vectors/fulcio-vectors.json");
  REQUIRE(text);
  const auto vectors = schema::ParseJson(*text, {.bytes = 1 << 20});
  REQUIRE(vectors);
  REQUIRE_EQ((*vectors)["vectors"].size(), 25);
  return (*vectors)["vectors"];
}

// The stock metadata as Fulcio ships it: without the empty defaults that Chancery's copy adds for
// claims which may be absent.
std::string Stock() {
  std::string out = Shipped();
  for (const std::string_view added :
       {"      ci_config_sha: \"\"\n", "      oidc.circleci.com/ssh-rerun: \"\"\n",
        "      oidc.circleci.com/vcs-ref: \"\"\n", "      oidc.circleci.com/vcs-origin: \"\"\n"}) {
    const std::size_t at = out.find(added);
    REQUIRE_NE(at, std::string::npos);
    out.erase(at, added.size());
  }
  return out;
}

}  // namespace

TEST_CASE("every row of Fulcio's vectors, and why some differ") {
  std::size_t differences = 0;
  for (const Json& row : Vectors()) {
    const Difference* difference = FindDifference(kDifferences, row["name"]);
    CheckRow(row, IssuersFor(row, Shipped()), oidc::kChanceryRules, difference);
    if (difference != nullptr) ++differences;
  }
  CHECK_EQ(differences, std::size(kDifferences));
}

TEST_CASE("a refused self-managed host is right with the line that its error names") {
  std::size_t mended = 0;
  for (const Json& row : Vectors()) {
    const Difference* difference = FindDifference(kMended, row["name"]);
    if (difference == nullptr) continue;
    ++mended;
    const bool github = std::string(row["name"]).starts_with("github");
    const std::string line = std::string("    default-template-values: {url: https://") +
                             (github ? "ghe" : "git") + ".corp.example}\n";
    CheckRow(row, IssuersFor(row, Shipped(), line), oidc::kChanceryRules, difference);
  }
  CHECK_EQ(mended, std::size(kMended));
}

TEST_CASE("every row of Fulcio's vectors, with --fulcio-compat") {
  for (const Json& row : Vectors()) {
    CheckRow(row, IssuersFor(row, Stock()), oidc::kFulcioRules, nullptr);
  }
}

TEST_CASE("null, lost digits and lists become with --fulcio-compat what Fulcio writes") {
  const Json rows = Vectors();
  const auto found =
      std::ranges::find_if(rows, [](const Json& row) { return row["name"] == "gitlab branch"; });
  REQUIRE(found != rows.end());
  std::vector<schema::Error> problems;
  const auto issuers =
      oidc::LoadIssuers(IssuersFor(*found, Stock()), "/", problems, oidc::kFulcioRules);
  REQUIRE(issuers);
  Json claims = (*found)["claims"];
  claims["ci_config_sha"] = nullptr;
  claims["project_id"] = 9007199254740993;  // 2^53 + 1
  claims["namespace_id"] = Json::array({"a", 1});
  claims["environment"] = {{"b", true}, {"a", 1.5}};
  claims["url"] = "https://other.example";
  claims["pipeline_source"] = "merge_request_event";
  const auto got = oidc::Map(*issuers->Find("https://gitlab.com"), claims);
  REQUIRE(got);
  std::map<int, std::string> texts;
  for (const auto& extension : got->extensions) texts[extension.arc] = extension.text;
  CHECK_EQ(texts[10], "<nil>");
  CHECK_EQ(texts[19], "<nil>");
  CHECK_EQ(texts[15], "9007199254740992");
  CHECK_EQ(texts[17], "[a 1]");
  CHECK_EQ(texts[23], "map[a:1.5 b:true]");
  CHECK_EQ(texts[12], "https://other.example/grp/app");
  const auto strict = oidc::LoadIssuers(IssuersFor(*found, Stock()), "/", problems);
  REQUIRE(strict);
  CHECK_FALSE(oidc::Map(*strict->Find("https://gitlab.com"), claims));
}
