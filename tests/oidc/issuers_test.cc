#include "oidc/issuers.h"

#include <doctest/doctest.h>

#include "oidc/claims.h"

#include "schema/base/document.h"
#include "schema/base/file.h"

namespace {

struct Loaded {
  schema::Result<oidc::IssuerSet> set;
  std::vector<schema::Error> problems;
};

Loaded Load(std::string_view text) {
  std::vector<schema::Error> problems;
  auto set = oidc::LoadIssuers(text, "/etc/chancery", problems);
  return {std::move(set), std::move(problems)};
}

constexpr std::string_view kGood = R"(
oidc-issuers:
  https://good.example: {issuer-url: https://good.example, client-id: sigstore, type: email}
)";

constexpr std::string_view kMetadata = R"(
ci-issuer-metadata:
  ok:
    subject-alternative-name-template: "https://ci.example/{{ .project }}"
  broken:
    subject-alternative-name-template: "{{ printf .x }}"
)";

}  // namespace

TEST_CASE("the shipped file loads whole") {
  const auto text = schema::ReadFile("config/issuers.yaml");
  REQUIRE(text);
  const Loaded got = Load(*text);
  for (const auto& problem : got.problems) MESSAGE(problem.Describe());
  REQUIRE(got.set);
  CHECK(got.problems.empty());
  CHECK_EQ(got.set->exact.size(), 3);
  const auto github = got.set->Find("https://token.actions.githubusercontent.com");
  REQUIRE_NE(github, nullptr);
  CHECK_EQ(github->type_text, "ci-provider");
  CHECK_EQ(github->audiences, std::vector<std::string>{"sigstore"});
  CHECK_EQ(github->challenge_claim, "sub");
  CHECK_EQ(github->max_token_age, std::chrono::minutes(10));
  REQUIRE_NE(github->ci_provider, nullptr);
  CHECK_EQ(github->ci_provider->extensions.size(), 20);
  CHECK_EQ(got.set->Find("https://gitlab.com")->max_token_age, std::chrono::hours(1));
}

TEST_CASE("YAML with anchors, JSON with Go names and JSON with kebab-case say the same") {
  const std::string_view texts[] = {R"(
define:
  - &type email
oidc-issuers:
  https://dex.example:
    issuer-url: https://dex.example
    client-id: sigstore
    type: *type
    issuer-claim: $.federated_claims.connector_id
    skip-email-verification: true
    description: text
    contact: someone@example.com
    environment: production
meta-issuers:
  https://*.example.com/x:
    client-id: sigstore
    type: *type
)",
                                    R"({"OIDCIssuers": {"https://dex.example": {
  "IssuerURL": "https://dex.example", "ClientID": "sigstore", "Type": "email",
  "IssuerClaim": "$.federated_claims.connector_id", "SkipEmailVerification": true}},
  "MetaIssuers": {"https://*.example.com/x": {"ClientID": "sigstore", "Type": "email"}}})",
                                    R"({"oidc-issuers": {"https://dex.example": {
  "issuer-url": "https://dex.example", "client-id": "sigstore", "type": "email",
  "issuer-claim": "$.federated_claims.connector_id", "skip-email-verification": true}},
  "meta-issuers": {"https://*.example.com/x": {"client-id": "sigstore", "type": "email"}}})"};
  for (const std::string_view text : texts) {
    CAPTURE(text);
    const Loaded got = Load(text);
    REQUIRE(got.set);
    CHECK(got.problems.empty());
    const auto dex = got.set->Find("https://dex.example");
    REQUIRE_NE(dex, nullptr);
    CHECK_EQ(dex->issuer_claim, std::vector<std::string>{"federated_claims", "connector_id"});
    CHECK(dex->skip_email_verification);
    CHECK_EQ(dex->challenge_claim, "email");
    const auto meta = got.set->Find("https://a-b_1.example.com/x");
    REQUIRE_NE(meta, nullptr);
    CHECK(meta->wildcard());
  }
}

TEST_CASE("an anchor may be a map's key, as in Fulcio's own file") {
  const Loaded got = Load(R"(
define:
  - &name my-ci
oidc-issuers:
  https://ci.example:
    issuer-url: https://ci.example
    client-id: sigstore
    type: ci-provider
    ci-provider: *name
ci-issuer-metadata:
  *name:
    default-template-values: {url: "https://x.example"}
    subject-alternative-name-template: "{{ .url }}/{{ .job }}"
    extension-templates: {build-signer-uri: job}
)");
  REQUIRE(got.set);
  CHECK(got.problems.empty());
  CHECK_EQ(got.set->Find("https://ci.example")->ci_provider->name, "my-ci");
}

TEST_CASE("metadata with Go names") {
  const Loaded got =
      Load(R"({"OIDCIssuers": {"https://ci.example": {"IssuerURL": "https://ci.example",
    "ClientID": "sigstore", "Type": "ci-provider", "CIProvider": "x"}},
    "CIIssuerMetadata": {"x": {"DefaultTemplateValues": {"url": "https://x.example"},
    "ExtensionTemplates": {"BuildSignerURI": "job", "GithubWorkflowTrigger": "event"},
    "SubjectAlternativeNameTemplate": "{{ .url }}/{{ .job }}"}}})");
  REQUIRE(got.set);
  CHECK(got.problems.empty());
  const auto provider = got.set->Find("https://ci.example")->ci_provider;
  REQUIRE_EQ(provider->extensions.size(), 2);
  CHECK_EQ(provider->extensions[0].arc, 2);
  CHECK_EQ(provider->extensions[1].arc, 9);
}

TEST_CASE("our own settings") {
  const Loaded got = Load(R"(
oidc-issuers:
  https://a.example:
    issuer-url: https://a.example
    client-id: sigstore
    audiences: [https://ca.example, sigstore, other]
    type: uri
    subject-domain: https://b.a.example
    max-token-age: 5m
    skew: 10s
    jti: required
    ca-file: tls/ca.pem
    verbose-denials: true
  http://plain.example: {issuer-url: http://plain.example, audiences: x, type: email, allow-http: true}
  http://127.0.0.1:8080: {issuer-url: "http://127.0.0.1:8080", client-id: x, type: email}
)");
  REQUIRE(got.set);
  CHECK(got.problems.empty());
  const auto issuer = got.set->Find("https://a.example");
  REQUIRE_NE(issuer, nullptr);
  CHECK_EQ(issuer->audiences, std::vector<std::string>{"sigstore", "https://ca.example", "other"});
  CHECK_EQ(issuer->max_token_age, std::chrono::minutes(5));
  CHECK_EQ(issuer->skew, std::chrono::seconds(10));
  CHECK_EQ(issuer->jti, "required");
  CHECK_EQ(issuer->ca_file, "/etc/chancery/tls/ca.pem");
  CHECK(issuer->verbose_denials);
  CHECK(got.set->Find("http://plain.example")->allow_http);
  CHECK_NE(got.set->Find("http://127.0.0.1:8080"), nullptr);
}

TEST_CASE("one bad issuer is reported with its fix and never stops the others") {
  struct Case {
    std::string_view entry;  // members of https://bad.example
    std::string_view says;
  };
  const Case cases[] = {
      {"issuer-url: https://bad.example/, client-id: x, type: email",
       "issuer-url: https://bad.example"},
      {"issuer-url: https://bad.example, client-id: x, type: email, clientid: y",
       "second spelling"},
      {"issuer-url: https://bad.example, client-id: x, type: email, typ: y", "not a known key"},
      {"issuer-url: https://bad.example, client-id: x, type: saml", "not a type Chancery supports"},
      {"issuer-url: https://bad.example, client-id: x", "use one of email"},
      {"issuer-url: https://bad.example, type: email", "client-id: sigstore"},
      {"issuer-url: https://bad.example, client-id: '', type: email", "client-id: sigstore"},
      {"audiences: [''], type: email", "empty audience"},
      {"client-id: x, type: email, challenge-claim: sub", "contradicts"},
      {"client-id: x, type: spiffe, spiffe-trust-domain: td, challenge-claim: email",
       "contradicts"},
      {"client-id: x, type: spiffe", "spiffe-trust-domain: example.org"},
      {"client-id: x, type: spiffe, spiffe-trust-domain: Not.Valid",
       "spiffe-trust-domain: example.org"},
      {"client-id: x, type: ci-provider", "no entry of ci-issuer-metadata; known: broken ok"},
      {"client-id: x, type: ci-provider, ci-provider: okay", "no entry of ci-issuer-metadata"},
      {"client-id: x, type: ci-provider, ci-provider: broken", "uses printf"},
      {"client-id: x, type: email, ci-provider: ok", "no meaning for type email"},
      {"client-id: x, type: kubernetes, issuer-claim: $.a", "no meaning for type kubernetes"},
      {"client-id: x, type: uri, subject-domain: 'https://bad.example', skip-email-verification: "
       "true",
       "no meaning"},
      {"client-id: x, type: email, issuer-claim: a.b", "of the form"},
      {"client-id: x, type: email, issuer-claim: '$.a[0]'", "of the form"},
      {"client-id: x, type: email, issuer-claim: '$.a..b'", "of the form"},
      {"client-id: x, type: email, issuer-claim: '$.'", "of the form"},
      {"client-id: x, type: uri", "scheme and host"},
      {"client-id: x, type: uri, subject-domain: bad.example", "scheme and host"},
      {"client-id: x, type: uri, subject-domain: 'http://bad.example'", "issuer's scheme"},
      {"client-id: x, type: uri, subject-domain: 'https://other.example'",
       "share the issuer's domain"},
      {"client-id: x, type: username", "without scheme"},
      {"client-id: x, type: username, subject-domain: 'https://bad.example'", "without scheme"},
      {"client-id: x, type: username, subject-domain: other.example", "share the issuer's domain"},
      {"client-id: x, type: username, subject-domain: 'bad.example/x'", "without scheme"},
      {"client-id: x, type: email, jti: never", "optional or required"},
      {"client-id: x, type: email, skew: 6m", "must be from"},
      {"client-id: x, type: email, skew: 100ms", "must be from"},
      {"client-id: x, type: email, max-token-age: 25h", "must be from"},
      {"client-id: x, type: email, max-token-age: 0s", "must be from"},
      {"client-id: x, type: email, ca-cert: nonsense", "certificates as PEM"},
      {"client-id: x, type: email, merge-request-tokens: accept", "for GitLab only"},
      {"client-id: x, type: email, default-template-values: {a: b}", "no meaning for type email"},
      {"client-id: x, type: ci-provider, ci-provider: ok, default-template-values: [a]",
       "must be a map"},
      {"client-id: x, type: github-workflow",
       "write type: ci-provider, ci-provider: github-workflow and default-template-values: {url: "
       "https://bad.example}"},
      {"client-id: x, type: gitlab-pipeline",
       "write type: ci-provider, ci-provider: gitlab-pipeline and default-template-values: {url: "
       "https://bad.example}"},
      {"client-id: [x], type: email", "client-id"},
      {"client-id: x, type: email, verbose-denials: maybe", "verbose-denials"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.entry);
    const std::string text = std::string(kGood) + "  https://bad.example: {" +
                             std::string(c.entry) + "}\n" + std::string(kMetadata);
    const Loaded got = Load(text);
    REQUIRE(got.set);
    CHECK_NE(got.set->Find("https://good.example"), nullptr);
    CHECK_EQ(got.set->Find("https://bad.example"), nullptr);
    REQUIRE_EQ(got.problems.size(), 2);  // the broken provider is told once for itself
    const schema::Error& problem = got.problems.back();
    CHECK(problem.Is(oidc::kBadIssuer));
    CHECK(problem.detail.starts_with("https://bad.example: "));
    CAPTURE(problem.detail);
    CHECK_NE(problem.detail.find(c.says), std::string::npos);
  }
}

TEST_CASE("URLs that cannot be issuers") {
  for (const std::string_view url :
       {"ftp://bad.example", "bad.example", "https://", "https://u@bad.example",
        "https://bad.example?a", "https://bad.example#a", "http://bad.example",
        "https://*.bad.example", "https://bad .example", "http://127.0.0.1.bad.example",
        "http://localhost.bad.example"}) {
    CAPTURE(url);
    const Loaded got =
        Load(std::string(kGood) + "  '" + std::string(url) + "': {client-id: x, type: email}\n");
    REQUIRE(got.set);
    CHECK_EQ(got.set->exact.size(), 1);
    CHECK_EQ(got.problems.size(), 1);
  }
}

TEST_CASE("meta issuers match whole labels and segments only") {
  struct Case {
    std::string_view pattern;
    std::string_view url;
    bool want;
  };
  const Case cases[] = {
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.us-west-2.amazonaws.com/id/B02C",
       true},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.a.b.amazonaws.com/id/B02C",
       false},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.us-west-2.amazonaws.com/id/a/b",
       false},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.us-west-2.amazonaws.com/id/",
       false},
      {"https://oidc.eks.*.amazonaws.com/id/*",
       "http://localhost?issuer=https://oidc.eks.us-west-2.amazonaws.com/id/B", false},
      {"https://oidc.eks.*.amazonaws.com/id/*",
       "https://oidc.eks.us-west-2.amazonaws.com/redirect/https://oidc.eks.x.amazonaws.com/id/B",
       false},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.us-west-2.amazonaws.com/id/B\n",
       false},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.evil.example/.amazonaws.com/id/B",
       false},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.x#.amazonaws.com/id/B", false},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.x@.amazonaws.com/id/B", false},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidc.eks.x%2f.amazonaws.com/id/B", false},
      {"https://oidc.eks.*.amazonaws.com/id/*", "https://oidcXeks.x.amazonaws.com/id/B", false},
      {"https://oidc.circleci.com/org/*", "https://oidc.circleci.com/org/my-org", true},
      {"https://oidc.circleci.com/org/*", "https://oidc.circleci.com/org/", false},
      {"https://oidc.circleci.com/org/*", "https://oidc.circleci.com/org/a/b", false},
      {"https://*.oic.prod-aks.azure.com/*/*/", "https://e.oic.prod-aks.azure.com/a/b/", true},
      {"https://*.oic.prod-aks.azure.com/*/*/", "https://e.oic.prod-aks.azure.com/a/b", false},
      {"https://*.oic.prod-aks.azure.com/*/*", "https://e.oic.prod-aks.azure.com/a/b/", false},
      {"https://plain.example", "https://plain.example", true},
      {"https://plain.example/a+b", "https://plain.example/a+b", true},
      {"https://plain.example/a+b", "https://plain.example/aab", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.pattern);
    CAPTURE(c.url);
    const Loaded got = Load("meta-issuers:\n  '" + std::string(c.pattern) +
                            "': {client-id: x, type: kubernetes}\n");
    REQUIRE(got.set);
    CHECK_EQ(got.set->Find(c.url) != nullptr, c.want);
  }
}

TEST_CASE("exact issuers win, then patterns in file order") {
  const Loaded got = Load(R"(
oidc-issuers:
  https://a.example/x: {client-id: exact, type: email}
meta-issuers:
  https://a.example/*: {client-id: first, type: email}
  https://*.example/*: {client-id: second, type: email}
)");
  REQUIRE(got.set);
  CHECK_EQ(got.set->Find("https://a.example/x")->audiences.front(), "exact");
  CHECK_EQ(got.set->Find("https://a.example/y")->audiences.front(), "first");
  CHECK_EQ(got.set->Find("https://b.example/y")->audiences.front(), "second");
  CHECK_EQ(got.set->Find("https://b.example"), nullptr);
  CHECK_EQ(got.set->Find(""), nullptr);
}

TEST_CASE("SPIFFE is not for meta issuers") {
  const Loaded got = Load(std::string(kGood) +
                          "meta-issuers:\n  https://*.example: {client-id: x, type: spiffe, "
                          "spiffe-trust-domain: td}\n");
  REQUIRE(got.set);
  CHECK(got.set->patterns.empty());
  CHECK_EQ(got.problems.size(), 1);
}

TEST_CASE("nothing to serve is an error that says why") {
  for (const std::string_view text :
       {"", "oidc-issuers: {}", "oidc-issuers:", "[]", "x", "oidc-issuers: []", "define: [a]"}) {
    CAPTURE(text);
    const Loaded got = Load(text);
    REQUIRE_FALSE(got.set);
    CHECK(got.set.error().Is(oidc::kNoIssuers));
  }
  const Loaded bad = Load("oidc-issuers: {https://a.example: {client-id: x, type: saml}}");
  REQUIRE_FALSE(bad.set);
  CHECK(bad.set.error().Is(oidc::kNoIssuers));
  CHECK_NE(bad.set.error().detail.find("https://a.example"), std::string::npos);
  const Loaded broken = Load("oidc-issuers: {");
  REQUIRE_FALSE(broken.set);
  CHECK(broken.set.error().Is(schema::kBadDocument));
}

TEST_CASE("unknown keys of the file and of the metadata are told") {
  const Loaded top = Load(std::string(kGood) + "oidc-issuer: {}\n");
  REQUIRE(top.set);
  REQUIRE_EQ(top.problems.size(), 1);
  CHECK_NE(top.problems[0].detail.find("oidc-issuer"), std::string::npos);
  struct Case {
    std::string_view provider;
    std::string_view says;
  };
  const Case cases[] = {
      {"{subject-alternative-name-template: a, extension-template: {}}", "not a known key"},
      {"{subject-alternative-name-template: a, extension-templates: {build-signer: b}}",
       "not a known key"},
      {"{subject-alternative-name-template: a, extension-templates: {issuer: b}}",
       "not a known key"},
      {"{subject-alternative-name-template: a, extension-templates: {build-signer-uri: ''}}",
       "empty"},
      {"{subject-alternative-name-template: a, extension-templates: {build-signer-uri: [a]}}",
       "build-signer-uri"},
      {"{subject-alternative-name-template: a, default-template-values: [a]}", "map"},
      {"{extension-templates: {build-signer-uri: b}}", "no subject-alternative-name-template"},
      {"{subject-alternative-name-template: '{{ .a'}", "not in the language"},
      {"[]", "map"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.provider);
    const Loaded got =
        Load(std::string(kGood) + "ci-issuer-metadata:\n  p: " + std::string(c.provider) + "\n");
    REQUIRE(got.set);
    REQUIRE_EQ(got.problems.size(), 1);
    CAPTURE(got.problems[0].detail);
    CHECK_NE(got.problems[0].detail.find(c.says), std::string::npos);
  }
}

namespace {

Loaded LoadShipped(std::string_view entries, const oidc::Rules& rules = oidc::kChanceryRules) {
  const auto shipped = schema::ReadFile("config/issuers.yaml");
  REQUIRE(shipped);
  std::vector<schema::Error> problems;
  auto set = oidc::LoadIssuers(
      std::string(entries) + shipped->substr(shipped->find("ci-issuer-metadata:")), "/", problems,
      rules);
  return {std::move(set), std::move(problems)};
}

}  // namespace

TEST_CASE("a self-managed host never gets certificates of the public one") {
  struct Host {
    std::string_view section;
    std::string_view url;
    std::string_view settings;
    std::string_view fix;  // empty: it is taken
  };
  constexpr std::string_view kGithub = "type: ci-provider, ci-provider: github-workflow";
  constexpr std::string_view kGitlab = "type: ci-provider, ci-provider: gitlab-pipeline";
  const Host cases[] = {
      {"oidc-issuers", "https://token.actions.githubusercontent.com", kGithub, ""},
      {"oidc-issuers", "https://token.actions.githubusercontent.com/acme", kGithub, ""},
      {"meta-issuers", "https://token.actions.githubusercontent.com/*", kGithub, ""},
      {"oidc-issuers", "https://token.actions.githubusercontent.com", "type: github-workflow", ""},
      {"oidc-issuers", "https://gitlab.com", kGitlab, ""},
      {"oidc-issuers", "https://gitlab.com", "type: gitlab-pipeline", ""},
      {"oidc-issuers", "https://git.corp.example", "type: ci-provider, ci-provider: buildkite-job",
       ""},
      {"oidc-issuers", "http://127.0.0.1:8970/gitlab", kGitlab, ""},

      {"oidc-issuers", "https://git.corp.example", kGitlab, "{url: https://git.corp.example}"},
      {"oidc-issuers", "https://git.corp.example:8443/x", kGitlab,
       "{url: https://git.corp.example:8443}"},
      {"oidc-issuers", "https://git.corp.example", "type: gitlab-pipeline",
       "{url: https://git.corp.example}"},
      {"oidc-issuers", "https://gitlab.com.evil.example", kGitlab,
       "{url: https://gitlab.com.evil.example}"},
      {"oidc-issuers", "https://ghes.corp.example/_services/token", kGithub,
       "{url: https://ghes.corp.example}"},
      {"oidc-issuers", "https://ghes.corp.example/_services/token", "type: github-workflow",
       "{url: https://ghes.corp.example}"},
      {"oidc-issuers", "https://token.actions.acme.ghe.com", kGithub,
       "{url: https://acme.ghe.com}"},
      {"meta-issuers", "https://*.corp.example", kGitlab, "{url: https://git.corp.example}"},
  };
  for (const Host& c : cases) {
    CAPTURE(c.url);
    CAPTURE(c.settings);
    const auto entry = [&c](std::string_view more) {
      return std::string(c.section) + ":\n  '" + std::string(c.url) + "': {client-id: x, " +
             std::string(c.settings) + std::string(more) + "}\n";
    };
    const Loaded got = LoadShipped(entry(""));
    REQUIRE_EQ(got.set.has_value(), c.fix.empty());
    // Fulcio takes all of them.
    CHECK(LoadShipped(entry(""), oidc::kFulcioRules).set);
    if (c.fix.empty()) continue;
    REQUIRE_EQ(got.problems.size(), 1);
    CAPTURE(got.problems[0].detail);
    const std::string fix = "default-template-values: " + std::string(c.fix);
    CHECK(got.problems[0].detail.ends_with(fix));
    if (!c.settings.starts_with("type: ci-provider")) continue;
    CHECK(LoadShipped(entry(", " + fix)).set);  // the message's own line mends it
  }
}

TEST_CASE("an entry's own constants stand in front of its metadata's") {
  const Loaded got = LoadShipped(R"(oidc-issuers:
  https://git.corp.example:
    client-id: x
    type: ci-provider
    ci-provider: gitlab-pipeline
    default-template-values: {url: "https://git.corp.example"}
  https://gitlab.com: {client-id: x, type: ci-provider, ci-provider: gitlab-pipeline}
)");
  REQUIRE(got.set);
  CHECK(got.problems.empty());
  CHECK_EQ(got.set->Find("https://git.corp.example")->ci_provider->constants.at("url"),
           "https://git.corp.example");
  CHECK_EQ(got.set->Find("https://git.corp.example")->platform, oidc::Platform::kGitlab);
  CHECK_EQ(got.set->Find("https://gitlab.com")->ci_provider->constants.at("url"),
           "https://gitlab.com");
}

TEST_CASE("metadata under another name is known by the claims it reads") {
  const std::string_view text = R"(
oidc-issuers:
  https://a.example: {client-id: x, type: ci-provider, ci-provider: ours}
  https://b.example: {client-id: x, type: ci-provider, ci-provider: theirs}
  https://c.example: {client-id: x, type: ci-provider, ci-provider: site}
ci-issuer-metadata:
  ours: {subject-alternative-name-template: "https://a.example/{{ .job_workflow_ref }}"}
  theirs: {subject-alternative-name-template: "https://{{ .ci_config_ref_uri }}"}
  site: {subject-alternative-name-template: "https://github.com/{{ .job_workflow_ref }}"}
)";
  const Loaded got = Load(text);
  REQUIRE(got.set);
  CHECK_EQ(got.set->Find("https://a.example")->platform, oidc::Platform::kGithub);
  CHECK_EQ(got.set->Find("https://a.example")->max_token_age, std::chrono::minutes(10));
  CHECK_EQ(got.set->Find("https://b.example")->platform, oidc::Platform::kGitlab);
  CHECK_EQ(got.set->Find("https://c.example"), nullptr);
  REQUIRE_EQ(got.problems.size(), 1);
  CHECK_NE(got.problems[0].detail.find("https://github.com"), std::string::npos);
}

TEST_CASE("how old a token may be follows from how its platform hands it over") {
  struct Age {
    std::string_view settings;
    std::chrono::minutes want;
  };
  const Age cases[] = {
      {"type: email", std::chrono::minutes(10)},
      {"type: ci-provider, ci-provider: github-workflow, default-template-values: {url: "
       "https://a.example}",
       std::chrono::minutes(10)},
      {"type: buildkite-job", std::chrono::minutes(10)},
      {"type: ci-provider, ci-provider: buildkite-job", std::chrono::minutes(10)},
      {"type: ci-provider, ci-provider: gitlab-pipeline, default-template-values: {url: "
       "https://a.example}",
       std::chrono::minutes(60)},
      {"type: codefresh-workflow", std::chrono::minutes(60)},
      {"type: ci-provider, ci-provider: codefresh-workflow", std::chrono::minutes(60)},
      {"type: ci-provider, ci-provider: circleci-job", std::chrono::minutes(60)},
      {"type: ci-provider, ci-provider: buddy-pipeline", std::chrono::minutes(60)},
      {"type: kubernetes", std::chrono::minutes(60)},
      {"type: spiffe, spiffe-trust-domain: td", std::chrono::minutes(60)},
      {"type: uri, subject-domain: 'https://a.example'", std::chrono::minutes(60)},
      {"type: username, subject-domain: a.example", std::chrono::minutes(60)},
      {"type: chainguard-identity", std::chrono::minutes(60)},
      {"type: kubernetes, max-token-age: 5m", std::chrono::minutes(5)},
  };
  for (const Age& c : cases) {
    CAPTURE(c.settings);
    const Loaded got = LoadShipped("oidc-issuers:\n  https://a.example: {client-id: x, " +
                                   std::string(c.settings) + "}\n");
    REQUIRE(got.set);
    const auto issuer = got.set->Find("https://a.example");
    CHECK_EQ(issuer->max_token_age, c.want);
    // The last second at which it is taken, with the minute of skew, and the first at which not.
    constexpr std::int64_t kNow = 1795255200;
    const auto check = [&](std::int64_t iat, std::int64_t exp) {
      const schema::Json claims = {
          {"iss", issuer->url}, {"aud", "x"}, {"iat", kNow + iat}, {"exp", kNow + exp}};
      const auto facts =
          oidc::CheckClaims(*issuer, issuer->url, claims, schema::Time(std::chrono::seconds(kNow)));
      return facts ? "" : std::string(facts.error().kind->id);
    };
    const std::int64_t oldest = -std::chrono::seconds(c.want + issuer->skew).count();
    CHECK_EQ(check(oldest, 1), "");
    CHECK_EQ(check(oldest - 1, 1), "token-too-old");
    CHECK_EQ(check(oldest - 1, 0), "token-expired");
    CHECK_EQ(check(0, 0), "token-expired");
    CHECK_EQ(check(60, 90), "");
    CHECK_EQ(check(61, 90), "token-not-yet-valid");
  }
}

TEST_CASE("with --fulcio-compat the lesser traps are warnings") {
  const std::string_view text = R"(
oidc-issuer: {}
oidc-issuers:
  https://a.example: {client-id: x, type: email, challenge-claim: sub, typ: y}
ci-issuer-metadata:
  p: {subject-alternative-name-template: a, extension-template: {}}
)";
  CHECK_FALSE(Load(text).set);
  std::vector<schema::Error> problems;
  const auto got = oidc::LoadIssuers(text, "/", problems, oidc::kFulcioRules);
  REQUIRE(got);
  CHECK(problems.empty());
  std::string all;
  for (const std::string& warning : got->warnings) all += warning + "\n";
  CAPTURE(all);
  for (const std::string_view said :
       {"oidc-issuer: is", "typ: is", "extension-template: is", "challenge-claim contradicts"}) {
    CAPTURE(said);
    CHECK_NE(all.find(said), std::string::npos);
  }
  CHECK_EQ(got->warnings.size(), 4 + oidc::GivenUp(oidc::kFulcioRules).size());
  // Every rule has its sentence.
  CHECK_EQ(oidc::GivenUp(oidc::kFulcioRules).size(), sizeof(oidc::Rules));
  CHECK(oidc::GivenUp(oidc::kChanceryRules).empty());
}

TEST_CASE("who takes the shared audience is told once, by name") {
  std::string text = "oidc-issuers:\n";
  for (int i = 10; i < 20; ++i) {
    text += "  https://i" + std::to_string(i) + ".example: {client-id: sigstore, type: email}\n";
  }
  text += "  https://own.example: {client-id: 'https://ca.example', type: email}\n";
  const Loaded got = Load(text);
  REQUIRE(got.set);
  REQUIRE_EQ(got.set->warnings.size(), 1);
  CHECK_NE(got.set->warnings[0].find("https://i10.example"), std::string::npos);
  CHECK_NE(got.set->warnings[0].find("and 2 more"), std::string::npos);
  CHECK_EQ(got.set->warnings[0].find("own.example"), std::string::npos);
  const Loaded none = Load("oidc-issuers: {https://a.example: {client-id: x, type: email}}");
  REQUIRE(none.set);
  CHECK(none.set->warnings.empty());
  const Loaded second =
      Load("oidc-issuers: {https://a.example: {client-id: x, audiences: [sigstore], type: email}}");
  REQUIRE(second.set);
  CHECK_EQ(second.set->warnings.size(), 1);
}
