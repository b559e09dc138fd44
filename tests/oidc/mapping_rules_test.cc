// Each issuer type against claims that are missing, empty, of the wrong type, or hostile.
#include <doctest/doctest.h>

#include "oidc/mapping.h"
#include "oidc/verifier.h"
#include "schema/base/limits.h"

namespace {

using schema::Json;

// The types that write github.com and gitlab.com are for those issuers only.
std::string UrlFor(std::string_view settings) {
  if (settings == "type: github-workflow") return "https://token.actions.githubusercontent.com";
  if (settings.starts_with("type: gitlab-pipeline")) return "https://gitlab.com";
  return "https://idp.example.com";
}

std::shared_ptr<const oidc::Issuer> IssuerOf(std::string_view settings,
                                             const oidc::Rules& rules = oidc::kChanceryRules) {
  std::vector<schema::Error> problems;
  const auto got = oidc::LoadIssuers(
      "oidc-issuers: {" + UrlFor(settings) + ": {client-id: x, " + std::string(settings) + R"(}}
ci-issuer-metadata:
  p:
    default-template-values: {url: "https://ci.example", note: ""}
    subject-alternative-name-template: "{{ .url }}/{{ .project }}@{{ .ref }}"
    extension-templates:
      build-trigger: note
      build-signer-uri: "{{ .url }}/{{ .project }}"
      github-workflow-ref: ref
  host:
    subject-alternative-name-template: "https://{{ .project }}"
  bare:
    subject-alternative-name-template: project
)",
      "/", problems, rules);
  for (const schema::Error& problem : problems) MESSAGE(problem.Describe());
  REQUIRE(problems.empty());
  REQUIRE(got);
  return got->Find(UrlFor(settings));
}

// `claims` with iss and sub, unless it has its own.
Json Token(std::string_view claims) {
  Json out = Json::parse(claims);
  if (!out.contains("iss")) out["iss"] = "https://idp.example.com";
  if (!out.contains("sub")) out["sub"] = "the-subject";
  return out;
}

struct Case {
  std::string_view name;
  std::string_view claims;
  std::string_view san;  // empty: refused with kClaims
};

void Check(std::string_view settings, std::span<const Case> cases) {
  const auto issuer = IssuerOf(settings);
  REQUIRE_NE(issuer, nullptr);
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto got = oidc::Map(*issuer, Token(c.claims));
    REQUIRE_EQ(got.has_value(), !c.san.empty());
    if (got) {
      CHECK_EQ(got->san.value, std::string(c.san));
    } else {
      CHECK(got.error().Is(oidc::kClaims));
    }
  }
}

}  // namespace

TEST_CASE("every token needs iss and sub") {
  const Case cases[] = {
      {"as it should be", R"({"email":"a@x.com","email_verified":true})", "a@x.com"},
      {"empty sub", R"({"sub":"","email":"a@x.com","email_verified":true})", ""},
      {"null sub", R"({"sub":null,"email":"a@x.com","email_verified":true})", ""},
      {"number sub", R"({"sub":1,"email":"a@x.com","email_verified":true})", ""},
      {"empty iss", R"({"iss":"","email":"a@x.com","email_verified":true})", ""},
      {"list iss", R"({"iss":["a"],"email":"a@x.com","email_verified":true})", ""},
  };
  Check("type: email", cases);
  CHECK_FALSE(oidc::Map(*IssuerOf("type: email"), Json::array()));
  CHECK_FALSE(oidc::Map(*IssuerOf("type: email"), Json()));
}

TEST_CASE("email") {
  const Case cases[] = {
      {"true", R"({"email":"a@x.com","email_verified":true})", "a@x.com"},
      {"text true", R"({"email":"a@x.com","email_verified":"true"})", "a@x.com"},
      {"text True", R"({"email":"a@x.com","email_verified":"True"})", "a@x.com"},
      {"text TRUE", R"({"email":"a@x.com","email_verified":"TRUE"})", ""},
      {"false", R"({"email":"a@x.com","email_verified":false})", ""},
      {"text false", R"({"email":"a@x.com","email_verified":"false"})", ""},
      {"number", R"({"email":"a@x.com","email_verified":1})", ""},
      {"null", R"({"email":"a@x.com","email_verified":null})", ""},
      {"absent", R"({"email":"a@x.com"})", ""},
      {"other case of the verdict", R"({"email":"a@x.com","EMAIL_VERIFIED":true})", ""},
      {"other case of the address", R"({"EMAIL":"a@x.com","email_verified":true})", ""},
      {"no address", R"({"email_verified":true})", ""},
      {"empty address", R"({"email":"","email_verified":true})", ""},
      {"list of addresses", R"({"email":["a@x.com"],"email_verified":true})", ""},
      {"NUL", R"({"email":"a@x.com\u0000.evil.example","email_verified":true})", ""},
      {"line break", R"({"email":"a@x.com\n","email_verified":true})", ""},
  };
  Check("type: email", cases);
  const Case skipped[] = {
      {"absent", R"({"email":"a@x.com"})", "a@x.com"},
      {"not an address", R"({"email":"a@x"})", ""},
  };
  Check("type: email, skip-email-verification: true", skipped);
}

TEST_CASE("a federated issuer stands in extensions 1 and 8") {
  const auto issuer = IssuerOf("type: email, issuer-claim: $.federated_claims.connector_id");
  const auto claims = [](std::string_view federated) {
    return Token(R"({"email":"a@x.com","email_verified":true,"federated_claims":)" +
                 std::string(federated) + "}");
  };
  const auto got =
      oidc::Map(*issuer, claims(R"({"connector_id":"https://github.com/login/oauth"})"));
  REQUIRE(got);
  CHECK_EQ(got->issuer, "https://idp.example.com");
  REQUIRE_EQ(got->extensions.size(), 3);
  CHECK_EQ(got->extensions[0].arc, 1);
  CHECK_EQ(got->extensions[0].text, "https://github.com/login/oauth");
  CHECK_EQ(got->extensions[1].arc, 8);
  CHECK_EQ(got->extensions[1].text, "https://github.com/login/oauth");
  CHECK_EQ(got->extensions[2].arc, 24);
  CHECK_EQ(got->extensions[2].text, "the-subject");
  for (const std::string_view bad :
       {"{}", "null", "[]", R"("x")", R"({"connector_id":""})", R"({"connector_id":null})",
        R"({"connector_id":{"a":1}})", R"({"connector_id":["a"]})", R"({"Connector_id":"a"})"}) {
    CAPTURE(bad);
    CHECK_FALSE(oidc::Map(*issuer, claims(bad)));
  }
}

TEST_CASE("uri") {
  const Case cases[] = {
      {"under the domain", R"({"sub":"https://example.com/users/1"})",
       "https://example.com/users/1"},
      {"any port", R"({"sub":"https://example.com:8443/a b"})", "https://example.com:8443/a%20b"},
      {"other scheme", R"({"sub":"http://example.com/users/1"})", ""},
      {"other host", R"({"sub":"https://users.example.com/1"})", ""},
      {"host as prefix", R"({"sub":"https://example.com.evil.example/1"})", ""},
      {"host as user", R"({"sub":"https://example.com@evil.example/1"})", ""},
      {"user at the host", R"({"sub":"https://evil@example.com/1"})", ""},
      {"backslash", R"({"sub":"https://evil.example\\@example.com/1"})", ""},
      {"no scheme", R"({"sub":"//example.com/1"})", ""},
      {"e-mail", R"({"sub":"a@example.com"})", ""},
      {"control character", R"({"sub":"https://example.com/\u0001"})", ""},
      {"bad escape", R"({"sub":"https://example.com/%zz"})", ""},
      {"query beyond ASCII", R"({"sub":"https://example.com/?ü"})", ""},
  };
  Check("type: uri, subject-domain: 'https://example.com'", cases);
}

TEST_CASE("username") {
  const Case cases[] = {
      {"plain", R"({"sub":"alice"})", "alice!example.com"},
      {"beyond ASCII", R"({"sub":"ünï"})", "ünï!example.com"},
      {"bang", R"({"sub":"alice!evil"})", ""},
      {"e-mail", R"({"sub":"alice@example.com"})", ""},
      {"NUL", R"({"sub":"alice\u0000"})", ""},
  };
  Check("type: username, subject-domain: example.com", cases);
}

TEST_CASE("spiffe") {
  const Case cases[] = {
      {"of the trust domain", R"({"sub":"spiffe://td.example/a"})", "spiffe://td.example/a"},
      {"sub-domain", R"({"sub":"spiffe://x.td.example/a"})", ""},
      {"longer domain", R"({"sub":"spiffe://td.example.evil/a"})", ""},
      {"no path", R"({"sub":"spiffe://td.example"})", ""},
      {"not SPIFFE", R"({"sub":"https://td.example/a"})", ""},
  };
  Check("type: spiffe, spiffe-trust-domain: td.example", cases);
}

TEST_CASE("kubernetes") {
  const Case cases[] = {
      {"good", R"({"kubernetes.io":{"namespace":"ns1","serviceaccount":{"name":"sa1"}}})",
       "https://kubernetes.io/namespaces/ns1/serviceaccounts/sa1"},
      {"no claim", R"({})", ""},
      {"null", R"({"kubernetes.io":null})", ""},
      {"a text", R"({"kubernetes.io":"ns1"})", ""},
      {"no namespace", R"({"kubernetes.io":{"serviceaccount":{"name":"sa1"}}})", ""},
      {"empty namespace", R"({"kubernetes.io":{"namespace":"","serviceaccount":{"name":"sa1"}}})",
       ""},
      {"no account", R"({"kubernetes.io":{"namespace":"ns1"}})", ""},
      {"account a text", R"({"kubernetes.io":{"namespace":"ns1","serviceaccount":"sa1"}})", ""},
      {"empty account", R"({"kubernetes.io":{"namespace":"ns1","serviceaccount":{"name":""}}})",
       ""},
      {"slash", R"({"kubernetes.io":{"namespace":"ns1/x","serviceaccount":{"name":"sa1"}}})", ""},
      {"dots", R"({"kubernetes.io":{"namespace":"..","serviceaccount":{"name":"sa1"}}})", ""},
      {"escape", R"({"kubernetes.io":{"namespace":"a%2fb","serviceaccount":{"name":"sa1"}}})", ""},
  };
  Check("type: kubernetes", cases);
}

TEST_CASE("chainguard-identity") {
  const Case cases[] = {
      {"plain", R"({"sub":"abc/def"})", "https://idp.example.com/abc/def"},
      {"act", R"({"sub":"abc/def","act":{"iss":"x"}})", "https://idp.example.com/abc/def"},
      {"act not a map", R"({"sub":"abc/def","act":"x"})", ""},
      {"act not of texts", R"({"sub":"abc/def","act":{"iss":1}})", ""},
      {"verified address", R"({"sub":"abc","email":"a@x.com","email_verified":true})",
       "https://idp.example.com/abc"},
      {"address not verified", R"({"sub":"abc","email":"a@x.com"})", ""},
      {"leaving", R"({"sub":"../abc"})", ""},
  };
  Check("type: chainguard-identity", cases);
  const auto got = oidc::Map(*IssuerOf("type: chainguard-identity"),
                             Token(R"({"sub":"abc","email":"a@x.com","email_verified":true})"));
  REQUIRE(got);
  CHECK_EQ(got->proof_message, "a@x.com");
  CHECK_EQ(got->subject, "abc");
}

TEST_CASE("ci-provider") {
  const Case cases[] = {
      {"good", R"({"project":"a/b","ref":"refs/heads/main"})",
       "https://ci.example/a/b@refs/heads/main"},
      {"odd ref", R"({"project":"a/b","ref":"refs/heads/ü b#1"})",
       "https://ci.example/a/b@refs/heads/%C3%BC%20b#1"},
      {"claim url has no say", R"({"url":"https://evil.example","project":"a","ref":"r"})",
       "https://ci.example/a@r"},
      {"missing", R"({"project":"a/b"})", ""},
      {"null", R"({"project":"a/b","ref":null})", ""},
      {"empty", R"({"project":"","ref":"r"})", ""},
      {"other case", R"({"Project":"a/b","ref":"r"})", ""},
      {"list", R"({"project":["a"],"ref":"r"})", ""},
      {"control character", R"({"project":"a\nb","ref":"r"})", ""},
      {"NUL", R"({"project":"a\u0000b","ref":"r"})", ""},
      {"bad escape", R"({"project":"a%zz","ref":"r"})", ""},
      {"integer", R"({"project":9007199254740993,"ref":"r"})",
       "https://ci.example/9007199254740993@r"},
      {"lost digits", R"({"project":1e20,"ref":"r"})", ""},
  };
  Check("type: ci-provider, ci-provider: p", cases);
  const Case hosts[] = {
      {"host and path", R"({"project":"git.example/a"})", "https://git.example/a"},
      {"user", R"({"project":"git.example@evil.example/a"})", ""},
      {"no host", R"({"project":"/a"})", ""},
      {"space in host", R"({"project":"git example/a"})", ""},
  };
  Check("type: ci-provider, ci-provider: host", hosts);
  const Case bare[] = {
      {"URI", R"({"project":"https://git.example/a"})", "https://git.example/a"},
      {"empty", R"({"project":""})", ""},
      {"no scheme", R"({"project":"git.example/a"})", ""},
      {"opaque", R"({"project":"urn:x:y"})", ""},
  };
  Check("type: ci-provider, ci-provider: bare", bare);
}

TEST_CASE("extensions ascend, empty ones are absent, texts stay raw") {
  const auto issuer = IssuerOf("type: ci-provider, ci-provider: p");
  const auto got = oidc::Map(*issuer, Token(R"({"project":"a b","ref":"r ü"})"));
  REQUIRE(got);
  const std::pair<int, std::string_view> want[] = {{1, "https://idp.example.com"},
                                                   {6, "r ü"},
                                                   {8, "https://idp.example.com"},
                                                   {9, "https://ci.example/a b"},
                                                   {24, "the-subject"}};
  REQUIRE_EQ(got->extensions.size(), std::size(want));
  for (std::size_t i = 0; i < std::size(want); ++i) {
    CHECK_EQ(got->extensions[i].arc, want[i].first);
    CHECK_EQ(got->extensions[i].text, std::string(want[i].second));
  }
  const auto noted = oidc::Map(*issuer, Token(R"({"project":"a","ref":"r","note":"push"})"));
  REQUIRE(noted);
  CHECK_EQ(noted->extensions.size(), std::size(want) + 1);
}

TEST_CASE("the older CI types need each of their claims, as texts") {
  struct Type {
    std::string_view settings;
    std::string_view claims;
    std::vector<std::string> optional;
  };
  const Type types[] = {
      {"type: github-workflow",
       R"({"job_workflow_ref":"a/b/c.yml@r","sha":"s","event_name":"push","repository":"a/b","workflow":"w",
           "ref":"r","job_workflow_sha":"s","runner_environment":"h","repository_id":"1",
           "repository_owner":"a","repository_owner_id":"2","repository_visibility":"public",
           "workflow_ref":"w","workflow_sha":"s","run_id":"4","run_attempt":"1"})",
       {}},
      {"type: gitlab-pipeline",
       R"({"project_path":"a/b","pipeline_source":"push","pipeline_id":"9",
           "ci_config_ref_uri":"gitlab.com/a/b//.gitlab-ci.yml@refs/heads/main","job_id":"1","ref":"main",
           "ref_type":"branch","namespace_path":"a","namespace_id":"7","project_id":"42","sha":"s",
           "runner_environment":"h","runner_id":1,"ci_config_sha":"c","project_visibility":"public"})",
       {"ci_config_sha", "project_visibility"}},
      {"type: buildkite-job", R"({"organization_slug":"o","pipeline_slug":"p"})", {}},
      {"type: codefresh-workflow",
       R"({"account_id":"1","account_name":"a","pipeline_id":"2","pipeline_name":"p/q","workflow_id":"3",
           "runner_environment":"h","scm_repo_url":"https://x","scm_ref":"r",
           "platform_url":"https://cf.example/base/"})",
       {"runner_environment", "scm_repo_url", "scm_ref", "platform_url"}},
  };
  for (const Type& type : types) {
    CAPTURE(type.settings);
    const auto issuer = IssuerOf(type.settings);
    const Json good = Json::parse(type.claims);
    REQUIRE(oidc::Map(*issuer, Token(type.claims)));
    for (const auto& member : good.items()) {
      const std::string& key = member.key();
      CAPTURE(key);
      const bool optional = std::ranges::find(type.optional, key) != type.optional.end();
      Json claims = good;
      claims.erase(key);
      CHECK_EQ(oidc::Map(*issuer, Token(claims.dump())).has_value(), optional);
      claims[key] = nullptr;
      CHECK_EQ(oidc::Map(*issuer, Token(claims.dump())).has_value(), optional);
      claims[key] = "";
      CHECK_EQ(oidc::Map(*issuer, Token(claims.dump())).has_value(), optional);
      claims[key] = Json::array({"a"});
      CHECK_FALSE(oidc::Map(*issuer, Token(claims.dump())));
      claims[key] = 0;
      CHECK_FALSE(oidc::Map(*issuer, Token(claims.dump())));
      claims[key] = std::string(schema::limits::kClaimTextBytes + 1, 'a');
      CHECK_FALSE(oidc::Map(*issuer, Token(claims.dump())));
    }
  }
}

TEST_CASE("gitlab-pipeline: branch, tag and nothing else") {
  const auto issuer = IssuerOf("type: gitlab-pipeline");
  Json claims = Token(
      R"({"project_path":"a/b","pipeline_source":"push","pipeline_id":"9","ci_config_ref_uri":"g/a","job_id":"1",
          "ref":"v1","ref_type":"tag","namespace_path":"a","namespace_id":"7","project_id":"42","sha":"s",
          "runner_environment":"h","runner_id":1,"ci_config_sha":null})");
  const auto got = oidc::Map(*issuer, claims);
  REQUIRE(got);
  bool has_ref = false;
  for (const auto& extension : got->extensions) {
    CHECK_NE(extension.text, "<nil>");
    has_ref = has_ref || (extension.arc == 14 && extension.text == "refs/tags/v1");
  }
  CHECK(has_ref);
  claims["ref_type"] = "merge_request";
  CHECK_FALSE(oidc::Map(*issuer, claims));
}

TEST_CASE("codefresh-workflow: the platform's own URL, kept to a URL") {
  const auto issuer = IssuerOf("type: codefresh-workflow");
  Json claims = Token(
      R"({"account_id":"1","account_name":"a","pipeline_id":"2","pipeline_name":"p/q","workflow_id":"3"})");
  CHECK_EQ(oidc::Map(*issuer, claims)->san.value, "https://g.codefresh.io/a/p/q:1/2");
  claims["platform_url"] = "https://cf.example/base/";
  CHECK_EQ(oidc::Map(*issuer, claims)->san.value, "https://cf.example/base/a/p/q:1/2");
  for (const std::string_view bad : {"cf.example", "https://", "https://u@cf.example",
                                     "https://cf.example?a", "https://cf.example#a"}) {
    CAPTURE(bad);
    claims["platform_url"] = std::string(bad);
    CHECK_FALSE(oidc::Map(*issuer, claims));
  }
}

namespace {

constexpr std::string_view kGithubClaims =
    R"({"job_workflow_ref":"acme/app/c.yml@r","sha":"s","event_name":"push","repository":"acme/app",
        "workflow":"w","ref":"r","job_workflow_sha":"s","runner_environment":"h","repository_id":"12345",
        "repository_owner":"acme","repository_owner_id":"678","repository_visibility":"public",
        "workflow_ref":"w","workflow_sha":"s","run_id":"4","run_attempt":"1"})";

}  // namespace

TEST_CASE("GitHub's sub names the repository that the other claims name, in either grammar") {
  struct Subject {
    std::string_view name;
    std::string_view sub;
    std::string_view changes;  // merged over kGithubClaims
    bool good;
  };
  const Subject cases[] = {
      {"names, branch", "repo:acme/app:ref:refs/heads/main", "{}", true},
      {"names, environment", "repo:acme/app:environment:prod", "{}", true},
      {"names, pull request", "repo:acme/app:pull_request", "{}", true},
      {"names, nothing more", "repo:acme/app", "{}", true},
      {"names in another case", "repo:Acme/App:ref:x", "{}", true},
      {"ids", "repo:acme@678/app@12345:ref:refs/heads/main", "{}", true},
      {"ids, environment", "repo:acme@678/app@12345:environment:p", "{}", true},
      {"hyphens, as first shipped", "repo:acme-678/app-12345:ref:refs/heads/main", "{}", true},
      {"a repository whose names look like hyphens and ids", "repo:acme-678/app-12345:ref:x",
       R"({"repository":"acme-678/app-12345","repository_owner":"acme-678","repository_id":"9",
           "repository_owner_id":"8"})",
       true},
      {"the operator's own template", "repository_owner:acme:job_workflow_ref:x", "{}", true},
      {"the operator's own template, ids only", "repository_owner_id:678:repository_id:12345", "{}",
       true},
      {"a word", "s", "{}", true},

      {"another repository", "repo:acme/other:ref:refs/heads/main", "{}", false},
      {"another owner", "repo:evil/app:ref:refs/heads/main", "{}", false},
      {"a longer name", "repo:acme/app2:ref:x", "{}", false},
      {"a shorter name", "repo:acme/ap:ref:x", "{}", false},
      {"another repository's id", "repo:acme@678/app@99:ref:x", "{}", false},
      {"another owner's id", "repo:acme@99/app@12345:ref:x", "{}", false},
      {"ids swapped", "repo:acme@12345/app@678:ref:x", "{}", false},
      {"an id on one side only", "repo:acme@678/app:ref:x", "{}", false},
      {"the other side only", "repo:acme/app@12345:ref:x", "{}", false},
      {"both marks", "repo:acme@678/app-12345:ref:x", "{}", false},
      {"empty ids", "repo:acme@/app@:ref:x", "{}", false},
      {"a recycled name: the ids are the old owner's", "repo:acme@678/app@12345:ref:x",
       R"({"repository_id":"77777","repository_owner_id":"66666"})", false},
      {"hyphens of another repository", "repo:acme-678/app-12345:ref:x",
       R"({"repository_id":"9","repository_owner_id":"8"})", false},
      {"an id that lost digits", "repo:acme@678/app@12345:ref:x", R"({"repository_id":1e20})",
       false},
      {"no repository", "repo:", "{}", false},
      {"one segment", "repo:acme:ref:x", "{}", false},
      {"three segments", "repo:acme/app/x:ref:x", "{}", false},
      {"percent", "repo:acme%2Fapp:ref:x", "{}", false},
      {"a repository that is not the owner's", "s", R"({"repository":"evil/app"})", false},
      {"an owner that is a prefix", "s", R"({"repository":"acme-evil/app"})", false},
      {"a repository without owner", "s", R"({"repository":"app"})", false},
  };
  const auto strict = IssuerOf("type: github-workflow");
  const auto lenient = IssuerOf("type: github-workflow", oidc::kFulcioRules);
  for (const Subject& c : cases) {
    CAPTURE(c.name);
    Json claims = Token(kGithubClaims);
    claims["sub"] = std::string(c.sub);
    claims.merge_patch(Json::parse(c.changes));
    const auto got = oidc::Map(*strict, claims);
    CAPTURE((got ? std::string() : got.error().detail));
    CHECK_EQ(got.has_value(), c.good);
    if (!got) CHECK(got.error().Is(oidc::kClaims));
    if (got) CHECK_EQ(got->subject, std::string(c.sub));
    // Fulcio does not compare them; the older type wants ids to be texts in any case.
    const bool texts = claims["repository_id"].is_string();
    if (texts) CHECK(oidc::Map(*lenient, claims));
  }
}

TEST_CASE("GitLab's tokens whose project_* may be a fork") {
  struct Pipeline {
    std::string_view name;
    std::string_view changes;
    bool refuse, same_project;  // taken under these settings; accept takes all
  };
  const Pipeline cases[] = {
      {"a push", "{}", true, true},
      {"a push, both projects one", R"({"job_project_id":"42"})", true, true},
      {"a merge request", R"({"pipeline_source":"merge_request_event"})", false, false},
      {"a merge request within the project",
       R"({"pipeline_source":"merge_request_event","job_project_id":"42"})", false, true},
      {"a merge request from a fork",
       R"({"pipeline_source":"merge_request_event","job_project_id":"43"})", false, false},
      {"ids of other kinds", R"({"pipeline_source":"merge_request_event","job_project_id":42})",
       false, true},
      {"a child pipeline of a fork's",
       R"({"pipeline_source":"parent_pipeline","job_project_id":"43"})", false, false},
      {"the source is a list", R"({"pipeline_source":["merge_request_event"]})", false, false},
  };
  constexpr std::string_view kClaims =
      R"({"project_path":"a/b","pipeline_source":"push","pipeline_id":"9",
          "ci_config_ref_uri":"gitlab.com/a/b//.gitlab-ci.yml@refs/heads/main","job_id":"1","ref":"main",
          "ref_type":"branch","namespace_path":"a","namespace_id":"7","project_id":"42","sha":"s",
          "runner_environment":"h","runner_id":1})";
  for (const Pipeline& c : cases) {
    CAPTURE(c.name);
    Json claims = Token(kClaims);
    claims.merge_patch(Json::parse(c.changes));
    CHECK_EQ(oidc::Map(*IssuerOf("type: gitlab-pipeline"), claims).has_value(), c.refuse);
    CHECK_EQ(oidc::Map(*IssuerOf("type: gitlab-pipeline, merge-request-tokens: refuse"), claims)
                 .has_value(),
             c.refuse);
    CHECK_EQ(
        oidc::Map(*IssuerOf("type: gitlab-pipeline, merge-request-tokens: same-project"), claims)
            .has_value(),
        c.same_project);
    const bool text = claims["pipeline_source"].is_string();
    CHECK_EQ(oidc::Map(*IssuerOf("type: gitlab-pipeline, merge-request-tokens: accept"), claims)
                 .has_value(),
             text);
    CHECK_EQ(oidc::Map(*IssuerOf("type: gitlab-pipeline", oidc::kFulcioRules), claims).has_value(),
             text);
  }
}

TEST_CASE("kubernetes with --fulcio-compat: what is absent is an empty part") {
  const auto issuer = IssuerOf("type: kubernetes", oidc::kFulcioRules);
  CHECK_EQ(oidc::Map(*issuer, Token("{}"))->san.value,
           "https://kubernetes.io/namespaces//serviceaccounts/");
  CHECK_EQ(oidc::Map(*issuer, Token(R"({"kubernetes.io":{"namespace":"ns1"}})"))->san.value,
           "https://kubernetes.io/namespaces/ns1/serviceaccounts/");
  CHECK_FALSE(oidc::Map(*issuer, Token(R"({"kubernetes.io":"ns1"})")));
  CHECK_FALSE(oidc::Map(*issuer, Token(R"({"kubernetes.io":{"namespace":"../x"}})")));
}
