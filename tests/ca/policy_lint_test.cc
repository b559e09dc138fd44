// A row for every code, each beside a rule that differs in that alone and is clean of it.
#include "ca/policy_lint.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "ca/cover.h"
#include "schema/base/file.h"
#include "tests/support/test_ca.h"

namespace {

using ca::Severity;

constexpr const char* kHead = R"(version: 1
issuers:
  gh: {url: https://token.actions.githubusercontent.com}
  ghes: {url: https://git.corp.example/_services/token, kind: github-workflow}
  gl: {url: https://gitlab.com}
  mail: {url: https://accounts.google.com}
  k8s: {url: https://k8s.corp.example, kind: kubernetes}
  own: {url: https://oidc.corp.example, kind: uri}
deny:
  - {id: forks, issuer: [gh, ghes], when: {event_name: {any: [pull_request_target, issues]}}}
  - {id: merges, issuer: gl, when: {pipeline_source: merge_request_event}}
  - {id: named, issuer: [mail, k8s, own], when: {sub: nobody}}
)";

// Findings of one more rule, or of whatever follows the deny rules.
std::vector<ca::LintFinding> Lint(const std::string& rest) {
  return ca::LintText(kHead + rest, support::kNow);
}
std::string Allow(const std::string& rule) {
  return "allow:\n  - {id: r, owner: o, ticket: t, " + rule + "}\n";
}

std::string Codes(const std::vector<ca::LintFinding>& findings) {
  std::string out;
  for (const auto& finding : findings) {
    if (!out.empty()) out += ' ';
    out += finding.severity == Severity::kError ? "E:" : "W:";
    out += finding.code;
  }
  return out;
}

struct Case {
  const char* name;
  std::string rest;
  const char* codes;
};

TEST_CASE("every code of an allow rule, and what is clean of it") {
  const Case cases[] = {
      {"an id", Allow("issuer: gh, when: {repository_id: '1'}"), ""},
      {"several ids", Allow("issuer: gh, when: {repository_id: {any: ['1', '2']}}"), ""},
      {"no id", Allow("issuer: gh, when: {ref: refs/heads/main}"), "E:no-owner-id"},
      {"an id as a pattern", Allow("issuer: gh, when: {repository_id: {glob: '1*'}}"),
       "E:no-owner-id"},
      {"an empty id", Allow("issuer: gh, when: {repository_id: ''}"), "E:no-owner-id"},
      {"an id that is absent", Allow("issuer: gh, when: {repository_id: {absent: true}}"),
       "E:no-owner-id"},
      {"an id in the grant",
       Allow("issuer: gh, when: {ref: refs/heads/main}, "
             "grant: {when: {repository_owner_id: '1'}}"),
       ""},
      {"no id on one's own host", Allow("issuer: ghes, when: {ref: refs/heads/main}"),
       "W:no-owner-id"},
      {"names only", Allow("issuer: gh, when: {repository: corp/app}"), "E:name-only"},
      {"names only, own host", Allow("issuer: ghes, when: {repository: corp/app}"), "W:name-only"},
      {"names and id", Allow("issuer: gh, when: {repository: corp/app, repository_id: '1'}"), ""},
      {"an address", Allow("issuer: mail, when: {email: a@corp.example}"), "W:name-only"},
      {"an address with sub", Allow("issuer: mail, when: {email: a@corp.example, sub: '1'}"), ""},
      {"kubernetes has no ids", Allow("issuer: k8s, when: {sub: 'system:serviceaccount:a:b'}"), ""},
      {"all of everybody", Allow("issuer: gh, when: all"), "E:all-on-shared"},
      {"all of one's own host", Allow("issuer: ghes, when: all"), "W:all-on-shared"},
      {"all of one team's issuer", Allow("issuer: own, when: all"), ""},
      {"a star in a text", Allow("issuer: gh, when: {repository_id: '1', ref: 'refs/heads/*'}"),
       "W:literal-star"},
      {"a star in a list",
       Allow("issuer: gh, when: {repository_id: '1', ref: {any: [refs/heads/a, 'refs/heads/*']}}"),
       "W:literal-star"},
      {"a star in a glob",
       Allow("issuer: gh, when: {repository_id: '1', ref: {glob: 'refs/heads/*'}}"), ""},
      {"glob *", Allow("issuer: gh, when: {repository_id: '1', ref: {glob: '*'}}"),
       "W:never-matches E:wildcard"},
      {"regex .*", Allow("issuer: gh, when: {repository_id: '1', actor: {regex: '.*'}}"),
       "E:wildcard"},
      {"regex (?s).+", Allow("issuer: gh, when: {repository_id: '1', actor: {regex: '(?s).+'}}"),
       "E:wildcard"},
      {"regex [^/]*", Allow("issuer: gh, when: {repository_id: '1', actor: {regex: '[^/]*'}}"),
       "E:wildcard"},
      {"a regex that tells apart",
       Allow("issuer: gh, when: {repository_id: '1', actor: {regex: 'bot-.*'}}"), ""},
      {"expired", Allow("expires: 2026-11-21, issuer: own, when: all"), "E:expired"},
      {"expires tomorrow", Allow("expires: 2026-11-22, issuer: own, when: all"), ""},
      {"unknown claim", Allow("issuer: gh, when: {repository_id: '1', workflow_reff: x}"),
       "W:unknown-claim"},
      {"unknown claim, absent",
       Allow("issuer: gh, when: {repository_id: '1', whatever: {absent: true}}"), ""},
      {"another claim of an open kind", Allow("issuer: own, when: {team: x}"), ""},
      {"raw sub, pattern",
       Allow("issuer: gh, when: {repository_id: '1', sub: {glob: 'repo:corp/*'}}"),
       "E:sub-pattern"},
      {"raw sub, exact",
       Allow("issuer: gh, when: {repository_id: '1', sub: 'repo:corp/app:ref:refs/heads/x'}"), ""},
      {"sub is the identity",
       Allow("issuer: k8s, when: {sub: {glob: 'system:serviceaccount:a:*'}}"), ""},
      {"a branch that is no ref", Allow("issuer: gh, when: {repository_id: '1', ref: main}"),
       "W:never-matches"},
      {"GitLab's ref is short", Allow("issuer: gl, when: {project_id: '1', ref: main}"), ""},
      {"a workflow at any ref",
       Allow("issuer: gh, when: {repository_id: '1', job_workflow_ref: "
             "{glob: 'c/w/.github/workflows/r.yml@*'}}"),
       "W:never-matches"},
      {"a workflow at a tag",
       Allow("issuer: gh, when: {repository_id: '1', job_workflow_ref: "
             "{glob: 'c/w/.github/workflows/r.yml@refs/tags/*'}}"),
       ""},
      {"a contradiction",
       Allow("issuer: gh, when: {repository_id: '1'}, grant: {when: {repository_id: '2'}}"),
       "W:never-matches"},
      {"GitLab without merge requests", Allow("issuer: gl, when: {project_id: '1'}"), ""},
      {"no owner", "allow: [{id: r, ticket: t, issuer: own, when: all}]", "W:no-owner"},
      {"no ticket", "allow: [{id: r, owner: o, issuer: own, when: all}]", "W:no-ticket"},
      {"nobody", "allow: []", "W:nobody"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto findings = Lint(c.rest);
    // Issuers that this row does not use are named by deny rules: no finding of theirs.
    CHECK_EQ(Codes(findings), c.codes);
    for (const auto& finding : findings) {
      CHECK_FALSE(finding.why.empty());
      CHECK_EQ(finding.line > 0, finding.code != "nobody");
    }
  }
}

// Whole policies: what depends on several rules or on issuers.
TEST_CASE("codes that need two rules, or none") {
  const std::string issuers = "version: 1\nissuers: {own: {url: 'https://o', kind: uri}}\n";
  const std::string rule = "owner: o, ticket: t, issuer: own, when: ";
  const Case cases[] = {
      {"shadowed", "allow: [{id: a, " + rule + "all}, {id: b, " + rule + "{team: x}}]",
       "W:shadowed"},
      {"shadowed by more values",
       "allow: [{id: a, " + rule + "{team: {any: [x, y]}}}, {id: b, " + rule +
           "{team: x, z: '1'}}]",
       "W:shadowed"},
      {"shadowed by a glob",
       "allow: [{id: a, " + rule + "{ref: {glob: 'a/*'}}}, {id: b, " + rule +
           "{ref: {glob: 'a/v*'}}}]",
       "W:shadowed"},
      {"the narrow one first", "allow: [{id: b, " + rule + "{team: x}}, {id: a, " + rule + "all}]",
       ""},
      {"another value", "allow: [{id: a, " + rule + "{team: y}}, {id: b, " + rule + "{team: x}}]",
       ""},
      {"a glob that stops at a slash",
       "allow: [{id: a, " + rule + "{ref: {glob: 'a/*'}}}, {id: b, " + rule +
           "{ref: {glob: 'a/*/c'}}}]",
       ""},
      {"the wide one has fewer keys",
       "allow: [{id: a, grant: {keys: [ed25519]}, " + rule + "all}, {id: b, " + rule +
           "{team: x}}]",
       ""},
      {"the wide one ends before",
       "allow: [{id: a, expires: 2027-01-01, " + rule + "all}, {id: b, " + rule + "{team: x}}]",
       ""},
      {"the wide one is on trial",
       "allow: [{id: a, mode: audit, " + rule + "all}, {id: b, " + rule + "{team: x}}]", ""},
      {"denied anyway",
       "deny: [{id: d, when: {team: x}}]\nallow: [{id: a, " + rule + "{team: x, z: '1'}}]",
       "E:denied-anyway"},
      {"denied in part",
       "deny: [{id: d, when: {team: x}}]\nallow: [{id: a, " + rule + "{team: {any: [x, y]}}}]", ""},
      {"denied on trial",
       "deny: [{id: d, mode: audit, when: {team: x}}]\nallow: [{id: a, " + rule + "{team: x}}]",
       ""},
      {"a star in a deny rule's text",
       "deny: [{id: d, when: {team: 'x*'}}]\nallow: [{id: a, " + rule + "all}]", "E:literal-star"},
      {"an expired deny rule",
       "deny: [{id: d, expires: 2020-01-01, when: {team: y}}]\nallow: [{id: a, " + rule + "all}]",
       "W:expired"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK_EQ(Codes(ca::LintText(issuers + c.rest, support::kNow)), c.codes);
  }
  const auto lint = [](const char* text) { return Codes(ca::LintText(text, support::kNow)); };
  CHECK_EQ(
      lint("version: 1\nissuers: {a: {url: 'https://o', kind: uri}, b: {url: 'https://p', kind: "
           "uri}}\nallow: [{id: r, owner: o, ticket: t, issuer: a, when: all}]"),
      "W:unused-issuer");
  CHECK_EQ(
      lint("version: 1\nissuers: {a: {url: 'https://o'}}\nallow: [{id: r, owner: o, ticket: t, "
           "issuer: a, when: all}]"),
      "W:unknown-kind");
  for (const char* url : {"https://gitlab.com/", "https://gitlab.co", "http://gitlab.com",
                          "https://token.actions.githubuserconten.com"}) {
    CAPTURE(url);
    CHECK_EQ(Codes(ca::LintText(std::string("version: 1\nissuers: {a: {url: '") + url +
                                    "'}}\nallow: [{id: r, owner: o, ticket: t, issuer: a, when: "
                                    "{project_id: '1'}}]",
                                support::kNow)),
             "W:misspelt-issuer");
  }
  CHECK_EQ(lint("version: 1\nissuers: {a: {url: 'https://gitlab.com'}}\nallow: [{id: r, owner: o, "
                "ticket: t, issuer: a, when: {project_id: '1'}}]"),
           "E:merge-requests");
  CHECK_EQ(lint("version: 1\nissuers: {a: {url: 'https://gitlab.com'}}\nallow: [{id: r, owner: o, "
                "ticket: t, issuer: a, when: {project_id: '1', pipeline_source: push}}]"),
           "");
  CHECK_EQ(lint("version: 1\nissuers: {a: {url: 'https://token.actions.githubusercontent.com'}}\n"
                "allow: [{id: r, owner: o, ticket: t, issuer: a, when: {repository_id: '1'}}]"),
           "W:fork-events");
}

TEST_CASE("a policy that does not parse is a finding with its line") {
  for (const char* text : {"", "{", "version: 1\nissuers: {}\n", "version: 2\n", "\xff\xfe"}) {
    const auto findings = ca::LintText(text, support::kNow);
    REQUIRE_EQ(findings.size(), 1U);
    CHECK_EQ(findings.front().code, "bad-policy");
    CHECK(ca::HasErrors(findings));
  }
  const auto findings =
      ca::LintText("version: 1\nissuers:\n  a: {url: x, nope: 1}\n", support::kNow);
  CHECK_EQ(findings.front().line, 3);
}

TEST_CASE("what is shipped is clean") {
  const auto text = schema::ReadFile("config/policy.yaml");
  REQUIRE(text);
  CHECK_EQ(ca::LintReport("policy.yaml", ca::LintText(*text, support::kNow)),
           "0 errors, 0 warnings\n");
}

TEST_CASE("a report names file, line and rule, and cannot steer a terminal") {
  const std::vector<ca::LintFinding> findings = {
      {"wildcard", Severity::kError, "r", 7, "`\x1b[2J\xe2\x80\xae` may be anything"},
      {"nobody", Severity::kWarning, "", 0, "why"}};
  CHECK_EQ(ca::LintReport("p\x07.yaml", findings),
           "p?.yaml:7: error: wildcard: r: `?[2J?` may be anything\n"
           "p?.yaml:0: warning: nobody: why\n1 error, 1 warning\n");
  const auto json = ca::LintJson("p", findings);
  CHECK_EQ(json["errors"], 1);
  CHECK_EQ(json["findings"][0]["line"], 7);
  CHECK(json["findings"][1]["rule"].is_null());
}

}  // namespace
