#include "oidc/template.h"

#include <doctest/doctest.h>

#include "oidc/verifier.h"
#include "schema/base/json.h"
#include "schema/base/limits.h"

namespace {

using schema::Json;

const oidc::Constants kConstants = {{"url", "https://github.com"}, {"empty", ""}, {"opt/key", ""}};

const Json& Claims() {
  static const Json claims = Json::parse(R"({
    "repository": "acme/app", "run_id": "42", "run_attempt": "1", "html_claim": "<alert()/>",
    "ref": "main", "ref_type": "branch", "aud": "sigstore", "with.dot.and/slash": "cat",
    "url": "https://evil.example", "blank": "", "nothing": null, "list": ["a"], "map": {"a": 1},
    "yes": true, "nul": "a\u0000b", "number": 7, "ünï": "unicode", "say \"hi\"": "quoted"})");
  return claims;
}

struct Case {
  std::string_view name;
  std::string_view text;
  std::string_view want;             // when it renders
  const schema::ErrorKind* refused;  // nullptr, kBadTemplate (at load) or kClaims (per token)
};

const Case kCases[] = {
    {"joined",
     "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}",
     "https://github.com/acme/app/actions/runs/42/attempts/1", nullptr},
    {"no HTML escaping", "{{ .html_claim }}", "<alert()/>", nullptr},
    {"spaces do not matter", "{{.run_id}}-{{  .run_id\t}}", "42-42", nullptr},
    {"a bare claim", "repository", "acme/app", nullptr},
    {"a bare claim with odd characters", "with.dot.and/slash", "cat", nullptr},
    {"a bare missing claim", "missing", "", &oidc::kClaims},
    {"a missing claim", "{{ .missing }}", "", &oidc::kClaims},
    {"a bare constant", "url", "https://github.com", nullptr},
    {"a constant beats a claim", "{{ .url }}", "https://github.com", nullptr},
    {"an empty constant, bare", "empty", "", nullptr},
    {"an empty constant", "{{ .empty }}", "", nullptr},
    {"an empty constant within text", "{{ .empty }}/123", "/123", nullptr},
    {"index on an empty constant", "{{ index . \"opt/key\" }}", "", nullptr},
    {"index", "{{ .aud }}/{{(index . \"with.dot.and/slash\")}}", "sigstore/cat", nullptr},
    {"index, raw quotes", "{{index . `with.dot.and/slash`}}", "cat", nullptr},
    {"index on a missing claim", "{{ index . \"missing/key\" }}", "", &oidc::kClaims},
    {"a field in parentheses", "{{ (.aud) }}", "sigstore", nullptr},
    {"escapes in a text", R"({{ index . "say \"hi\"" }})", "quoted", nullptr},
    {"letters beyond ASCII", "{{ .ünï }}", "unicode", nullptr},
    {"null is absent", "{{ .nothing }}", "", &oidc::kClaims},
    {"null is absent, bare", "nothing", "", &oidc::kClaims},
    {"an empty claim alone", "blank", "", nullptr},
    {"an empty claim within text", "a/{{ .blank }}/b", "", &oidc::kClaims},
    {"a boolean", "{{ .yes }}", "true", nullptr},
    {"a number", "{{ .number }}", "7", nullptr},
    {"a list has no text", "{{ .list }}", "", &oidc::kClaims},
    {"a map has no text", "{{ .map }}", "", &oidc::kClaims},
    {"a NUL", "{{ .nul }}", "", &oidc::kClaims},
    {"if, first branch",
     R"(refs/{{if eq .ref_type "branch"}}heads{{ else }}tags{{end}}/{{ .ref }})", "refs/heads/main",
     nullptr},
    {"if, second branch", R"({{if eq .ref_type "tag"}}a{{ else }}b{{end}})", "b", nullptr},
    {"if without else", R"(x{{if eq .ref_type "tag"}}a{{end}}y)", "xy", nullptr},
    {"if with index", R"({{if eq (index . "with.dot.and/slash") "cat"}}a{{else}}b{{end}})", "a",
     nullptr},
    {"if on a boolean", R"({{if eq .yes "true"}}a{{else}}b{{end}})", "a", nullptr},
    {"if on a constant", R"({{if eq .url "https://github.com"}}a{{else}}b{{end}})", "a", nullptr},
    {"if on a constant that differs", R"({{if eq .url "https://evil.example"}}a{{else}}b{{end}}c)",
     "bc", nullptr},
    {"if on a constant that differs, no else", R"(z{{if eq .url "x"}}a{{end}}c)", "zc", nullptr},
    {"if on an empty constant", R"({{if eq .empty ""}}a{{else}}b{{end}})", "a", nullptr},
    {"if on a missing claim", R"({{if eq .missing "x"}}a{{else}}b{{end}})", "", &oidc::kClaims},
    {"the other branch is not evaluated", R"({{if eq .ref "main"}}a{{else}}{{.missing}}{{end}})",
     "a", nullptr},
    {"nested", R"({{if eq .ref "main"}}{{if eq .aud "x"}}1{{else}}2{{end}}{{else}}3{{end}})", "2",
     nullptr},
    {"braces in a text", R"({{if eq .ref "}}"}}a{{else}}b{{end}})", "b", nullptr},
    {"two quotation marks are text", R"(""{{ .ref }})", "\"\"main", nullptr},

    {"empty template", "", "", &oidc::kBadTemplate},
    {"empty action", "{{}}", "", &oidc::kBadTemplate},
    {"never closed", "{{.foobar", "", &oidc::kBadTemplate},
    {"one brace only", "{{.foobar}", "", &oidc::kBadTemplate},
    {"the whole of the claims", "{{ . }}", "", &oidc::kBadTemplate},
    {"eq on the whole", R"({{if eq . ""}}a{{end}})", "", &oidc::kBadTemplate},
    {"a nested claim", "{{ .a.b }}", "", &oidc::kBadTemplate},
    {"a dash in a field", "{{ .key-with-dash }}", "", &oidc::kBadTemplate},
    {"trim marker", "{{- .ref }}", "", &oidc::kBadTemplate},
    {"trim marker at the end", "{{ .ref -}}", "", &oidc::kBadTemplate},
    {"comment", "{{/* x */}}", "", &oidc::kBadTemplate},
    {"printf", R"({{ printf "%s" .ref }})", "", &oidc::kBadTemplate},
    {"pipe", "{{ .ref | html }}", "", &oidc::kBadTemplate},
    {"variable", "{{ $x := .ref }}", "", &oidc::kBadTemplate},
    {"range", "{{range .list}}x{{end}}", "", &oidc::kBadTemplate},
    {"with", "{{with .ref}}x{{end}}", "", &oidc::kBadTemplate},
    {"define", R"({{define "x"}}x{{end}})", "", &oidc::kBadTemplate},
    {"call", "{{ call .ref }}", "", &oidc::kBadTemplate},
    {"if on truth", "{{if .ref}}a{{end}}", "", &oidc::kBadTemplate},
    {"if ne", R"({{if ne .ref "x"}}a{{end}})", "", &oidc::kBadTemplate},
    {"if eq of three", R"({{if eq .ref "x" "y"}}a{{end}})", "", &oidc::kBadTemplate},
    {"if eq of two claims", "{{if eq .ref .aud}}a{{end}}", "", &oidc::kBadTemplate},
    {"else if", R"({{if eq .ref "x"}}a{{else if eq .ref "y"}}b{{end}})", "", &oidc::kBadTemplate},
    {"two elses", R"({{if eq .ref "x"}}a{{else}}b{{else}}c{{end}})", "", &oidc::kBadTemplate},
    {"if without end", R"({{if eq .ref "x"}}a)", "", &oidc::kBadTemplate},
    {"end without if", "a{{end}}", "", &oidc::kBadTemplate},
    {"else without if", "a{{else}}b", "", &oidc::kBadTemplate},
    {"index of two keys", R"({{index . "a" "b"}})", "", &oidc::kBadTemplate},
    {"index of a field", R"({{index .a "b"}})", "", &oidc::kBadTemplate},
    {"index without text", "{{index . }}", "", &oidc::kBadTemplate},
    {"open parenthesis", R"({{ (index . "a" }})", "", &oidc::kBadTemplate},
    {"open text", R"({{ index . "a }})", "", &oidc::kBadTemplate},
    {"an escape of Go's", R"({{ index . "a\n" }})", "", &oidc::kBadTemplate},
    {"a number", "{{ 1 }}", "", &oidc::kBadTemplate},
    {"a text", R"({{ "x" }})", "", &oidc::kBadTemplate},
};

}  // namespace

TEST_CASE("template language") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto compiled = oidc::Template::Compile("p.build-signer-uri", c.text, kConstants);
    REQUIRE_EQ(compiled.has_value(), c.refused != &oidc::kBadTemplate);
    if (!compiled) {
      CHECK(compiled.error().Is(oidc::kBadTemplate));
      CHECK_NE(compiled.error().detail.find("p.build-signer-uri"), std::string::npos);
      continue;
    }
    const auto got = compiled->Render(Claims());
    REQUIRE_EQ(got.has_value(), c.refused == nullptr);
    if (got) {
      CHECK_EQ(*got, std::string(c.want));
    } else {
      CHECK(got.error().Is(oidc::kClaims));
    }
  }
}

TEST_CASE("a refused template names its construct") {
  const auto got = oidc::Template::Compile("gh.run-invocation-uri", "x/{{ printf .a }}/y", {});
  REQUIRE_FALSE(got);
  CHECK_NE(got.error().detail.find("gh.run-invocation-uri"), std::string::npos);
  CHECK_NE(got.error().detail.find("{{ printf .a }} uses printf"), std::string::npos);
}

TEST_CASE("a claim may fill an empty constant, never a full one") {
  const oidc::Constants constants = {{"full", "operator"}, {"empty", ""}};
  const auto got = oidc::Template::Compile("t", "{{ .full }}/{{ .empty }}", constants);
  REQUIRE(got);
  CHECK_EQ(*got->Render(Json{{"full", "token"}, {"empty", "token"}}), "operator/token");
  CHECK_EQ(*got->Render(Json{{"empty", nullptr}}), "operator/");
  CHECK_EQ(*got->Render(Json::object()), "operator/");
  CHECK_EQ(got->Keys(), std::vector<std::string>{"empty"});
}

TEST_CASE("a constant is never read as a template") {
  const oidc::Constants constants = {{"a", "{{ .b }}"}};
  const auto got = oidc::Template::Compile("t", "{{ .a }}", constants);
  REQUIRE(got);
  CHECK_EQ(*got->Render(Json{{"b", "token"}}), "{{ .b }}");
}

TEST_CASE("a claim is never read as a template") {
  const auto got = oidc::Template::Compile("t", "x{{ .a }}", {});
  REQUIRE(got);
  CHECK_EQ(*got->Render(Json{{"a", "{{ .secret }}"}, {"secret", "s"}}), "x{{ .secret }}");
}

TEST_CASE("numbers keep their digits") {
  struct Number {
    std::string_view json;
    std::string_view want;  // empty: refused
  };
  const Number cases[] = {
      {"1", "1"},
      {"1.0", "1"},
      {"1.4", "1.4"},
      {"1.7", "1.7"},
      {"0", "0"},
      {"-0.0", "0"},
      {"-3", "-3"},
      {"0.1", "0.1"},
      {"1e3", "1000"},
      {"1e-7", "0.0000001"},
      {"1000000", "1000000"},
      {"1234567", "1234567"},
      {"1753000000", "1753000000"},
      {"1753000000.0", "1753000000"},
      {"9007199254740993", "9007199254740993"},  // 2^53 + 1
      {"9223372036854775807", "9223372036854775807"},
      {"18446744073709551615", "18446744073709551615"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9007199254740992.0", "9007199254740992"},
      {"9007199254740994.0", ""},
      {"18446744073709551616", ""},  // 2^64: read as a double
      {"1e300", ""},
      {"-1e300", ""},
  };
  for (const Number& c : cases) {
    CAPTURE(c.json);
    const auto got = oidc::ClaimText("n", Json::parse(c.json));
    REQUIRE_EQ(got.has_value(), !c.want.empty());
    if (got) CHECK_EQ(*got, std::string(c.want));
  }
}

TEST_CASE("booleans") {
  CHECK_EQ(*oidc::ClaimText("b", Json(true)), "true");
  CHECK_EQ(*oidc::ClaimText("b", Json(false)), "false");
}

TEST_CASE("lengths are capped") {
  const std::size_t most = schema::limits::kClaimTextBytes;
  CHECK(oidc::ClaimText("c", Json(std::string(most, 'a'))));
  CHECK_FALSE(oidc::ClaimText("c", Json(std::string(most + 1, 'a'))));
  const auto doubled = oidc::Template::Compile("t", "{{ .a }}{{ .a }}", {});
  REQUIRE(doubled);
  CHECK(doubled->Render(Json{{"a", std::string(most / 2, 'a')}}));
  CHECK_FALSE(doubled->Render(Json{{"a", std::string(most / 2 + 1, 'a')}}));
}

TEST_CASE("deep nesting is refused, not followed") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += R"({{if eq .a "b"}})";
  CHECK_FALSE(oidc::Template::Compile("t", text, {}));
  CHECK_FALSE(oidc::Template::Compile("t", "{{" + std::string(100000, '('), {}));
}

TEST_CASE("what each of Rules gives up in a template") {
  struct GivenUpCase {
    std::string_view name;
    oidc::Rules rules;
    std::string_view text;
    std::string_view want;
  };
  const GivenUpCase cases[] = {
      {"a claim beats a constant",
       {.claims_replace_constants = true},
       "{{ .url }}",
       "https://evil.example"},
      {"a claim beats a bare constant",
       {.claims_replace_constants = true},
       "url",
       "https://evil.example"},
      {"the constant without a claim",
       {.claims_replace_constants = true},
       "{{ .lone }}/x",
       "alone/x"},
      {"if sees the claim",
       {.claims_replace_constants = true},
       R"({{if eq .url "https://evil.example"}}a{{else}}b{{end}})",
       "a"},
      {"null", {.null_is_text = true}, "x{{ .nothing }}", "x<nil>"},
      {"null, bare", {.null_is_text = true}, "nothing", "<nil>"},
      {"index on a missing claim",
       {.absent_is_empty = true},
       R"(a/{{ index . "missing/key" }}/b)",
       "a//b"},
      {"if with index on a missing claim",
       {.absent_is_empty = true},
       R"({{if eq (index . "missing") "x"}}a{{else}}b{{end}})",
       "b"},
      {"an empty claim within text", {.empty_parts = true}, "a/{{ .blank }}/b", "a//b"},
      {"a list", {.inexact_values = true}, "{{ .list }}", "[a]"},
      {"a map", {.inexact_values = true}, "{{ .map }}", "map[a:1]"},
  };
  const oidc::Constants constants = {
      {"url", "https://github.com"}, {"lone", "alone"}, {"empty", ""}};
  for (const GivenUpCase& c : cases) {
    CAPTURE(c.name);
    const auto lenient = oidc::Template::Compile("t", c.text, constants, c.rules);
    REQUIRE(lenient);
    const auto got = lenient->Render(Claims());
    REQUIRE(got);
    CHECK_EQ(*got, std::string(c.want));
    // By that rule and no other.
    const auto strict = oidc::Template::Compile("t", c.text, constants);
    REQUIRE(strict);
    const auto held = strict->Render(Claims());
    if (c.name != "the constant without a claim") CHECK((!held || *held != std::string(c.want)));
  }
  // Fulcio's missingkey=error holds in both.
  for (const std::string_view text : {"{{ .missing }}", "missing"}) {
    CHECK_FALSE(
        oidc::Template::Compile("t", text, constants, oidc::kFulcioRules)->Render(Claims()));
  }
}

TEST_CASE("values as Go prints them") {
  struct Value {
    std::string_view json;
    std::string_view want;
  };
  // The right column is what fmt.Sprintf("%v") gave for what encoding/json made of the left one;
  // a number that is not inside anything has no exponent, as Fulcio prints it.
  const Value cases[] = {
      {R"(["a",1])", "[a 1]"},
      {R"({"b":true,"a":1.5})", "map[a:1.5 b:true]"},
      {"[null,1e21,1e20,123456789,1e-5,0.0001,-0.0,1e300]",
       "[<nil> 1e+21 1e+20 1.23456789e+08 1e-05 0.0001 -0 1e+300]"},
      {"[9007199254740993,[],{},1000000.5]", "[9.007199254740992e+15 [] map[] 1.0000005e+06]"},
      {R"([{"k":"x y"}])", "[map[k:x y]]"},
      {"null", "<nil>"},
      {"9007199254740993", "9007199254740992"},
      {"1234567", "1234567"},
      {"1e21", "1000000000000000000000"},
      {"1.4", "1.4"},
  };
  for (const Value& c : cases) {
    CAPTURE(c.json);
    const auto got = oidc::ClaimText("v", Json::parse(c.json), oidc::kFulcioRules);
    REQUIRE(got);
    CHECK_EQ(*got, std::string(c.want));
  }
}

TEST_CASE("a template says what its result begins with") {
  CHECK_EQ(oidc::Template::Compile("t", "{{ .url }}/{{ .a }}", kConstants)->Beginning(),
           "https://github.com/");
  CHECK_EQ(oidc::Template::Compile("t", "{{ .a }}/x", kConstants)->Beginning(), "");
}
