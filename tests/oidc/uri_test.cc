// The expected texts are what Go 1.26's net/url prints.
#include "oidc/uri.h"

#include <doctest/doctest.h>

namespace {

struct Case {
  std::string_view text;
  std::string_view want;
};

}  // namespace

TEST_CASE("url.Parse(text).String()") {
  const Case cases[] = {
      {"HTTP://Example.COM/A", "http://Example.COM/A"},
      {"https://h", "https://h"},
      {"https://h/", "https://h/"},
      {"https://h?", "https://h?"},
      {"https://h?a?", "https://h?a?"},
      {"https://h#", "https://h"},
      {"https://h/a b", "https://h/a%20b"},
      {"https://h/a%20b", "https://h/a%20b"},
      {"https://h/a%2Fb", "https://h/a%2Fb"},
      {"https://h/a%2fb c", "https://h/a/b%20c"},
      {"https://h/ü", "https://h/%C3%BC"},
      {"https://h/\"<>^{}|\\`", "https://h/%22%3C%3E%5E%7B%7D%7C%5C%60"},
      {"https://h/!$&'()*+,;=:@[]", "https://h/!$&'()*+,;=:@[]"},
      {"https://h/ !'", "https://h/%20%21%27"},
      {"https://h/a#b#c d", "https://h/a#b%23c%20d"},
      {"https://h/a?b=c d", "https://h/a?b=c d"},
      {"https://ü.example/", "https://%C3%BC.example/"},
      {"https://h:80/", "https://h:80/"},
      {"https://h:/", "https://h:/"},
      {"https://[::1]:80/a", "https://[::1]:80/a"},
      {"https://u@h/", "https://u@h/"},
      {"https://u:p@h/", "https://u:p@h/"},
      {"https://a@b@h/", "https://a%40b@h/"},
      {"mailto:a@b", "mailto:a@b"},
      {"a/b:c", "a/b:c"},
      {"/a", "/a"},
      {"//h/x", "//h/x"},
      {"///x", "///x"},
      {"https:///x", "https:///x"},
      {"https:/x", "https:/x"},
      {"https:", "https:"},
      {"", ""},
      {"*", "*"},
      {"spiffe://TD/x", "spiffe://TD/x"},
      {"https://h//a/../b", "https://h//a/../b"},
      {"https://github.com/acme/app/.github/workflows/a b.yml@refs/heads/feat/ü#1",
       "https://github.com/acme/app/.github/workflows/a%20b.yml@refs/heads/feat/%C3%BC#1"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto got = oidc::ParseUri(c.text);
    REQUIRE(got);
    CHECK_EQ(got->text, std::string(c.want));
  }
}

TEST_CASE("refused as Go refuses") {
  for (const std::string_view text :
       {":x", "1a:b", "https://h/%zz", "https://h/%2", "https://h/%", "https://h%41/",
        "https://h o/", "https://h:x/", "https://h/#%zz", "https://h/\n", "https://h/\x7f",
        "https://[::1/", "https://[::1]x/", "https://u ser@h/"}) {
    CAPTURE(text);
    const auto got = oidc::ParseUri(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().Is(oidc::kBadUri));
  }
}

TEST_CASE("refused beyond Go: what cannot stand in an IA5String, and hosts that read two ways") {
  for (const std::string_view text :
       {"https://h/?ü", "mailto:ü@x", "https://h/#\n", "https://h[/", "https://h]/", "https://[h]/",
        "https://[::1%25en0]/", "https://h%25/", "https://::1/", "https:/%2f\xb8\xb8",
        "/%2Fhost/a b"}) {
    CAPTURE(text);
    CHECK_FALSE(oidc::ParseUri(text));
  }
  CHECK_FALSE(oidc::ParseUri(std::string_view("https://h/a\0b", 13)));
}

TEST_CASE("parts") {
  const auto got = oidc::ParseUri("HTTPS://user@Example.com:8443/a?b#c");
  REQUIRE(got);
  CHECK_EQ(got->scheme, "https");
  CHECK_EQ(got->host, "Example.com");
  CHECK(got->user_info);
  CHECK_EQ(oidc::ParseUri("https://[::1]:1/")->host, "::1");
  CHECK_EQ(oidc::ParseUri("https:/x")->host, "");
  CHECK_EQ(oidc::ParseUri("x/y")->scheme, "");
  CHECK_FALSE(oidc::ParseUri("https://h/@x")->user_info);
}

TEST_CASE("JoinPath of one element") {
  const Case cases[] = {
      {"acme/app/.github/workflows/a b.yml@refs/heads/feat/ü#1",
       "https://github.com/acme/app/.github/workflows/a%20b.yml@refs/heads/feat/%C3%BC%231"},
      {"a//b", "https://github.com/a/b"},
      {"./a/./b", "https://github.com/a/b"},
      {"a?b=c", "https://github.com/a%3Fb=c"},
      {"a/", "https://github.com/a/"},
      {"/a", "https://github.com/a"},
      {"", "https://github.com"},
      {"a%20b", "https://github.com/a%20b"},
      {"a%2Fb c", "https://github.com/a/b%20c"},
      {"a'(b)", "https://github.com/a'(b)"},
      {"x:y/z", "https://github.com/x:y/z"},
      {"a;b,c", "https://github.com/a;b,c"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto got = oidc::JoinUri("https://github.com", {c.text});
    REQUIRE(got);
    CHECK_EQ(*got, std::string(c.want));
  }
  // Go leaves the base alone for the first and resolves the others.
  for (const std::string_view text : {"%zz", "..", "a/../b", "a/..", "a\nb"}) {
    CAPTURE(text);
    CHECK_FALSE(oidc::JoinUri("https://github.com", {text}));
  }
}

TEST_CASE("JoinPath of several") {
  CHECK_EQ(*oidc::JoinUri("https://github.com", {"a", "actions/runs", "1", "attempts", "2"}),
           "https://github.com/a/actions/runs/1/attempts/2");
  CHECK_EQ(*oidc::JoinUri("https://gitlab.com", {"grp/app", "/-/jobs/", "7"}),
           "https://gitlab.com/grp/app/-/jobs/7");
}
