#include "oidc/names.h"

#include <doctest/doctest.h>

#include <string>

#include "oidc/verifier.h"

TEST_CASE("e-mail addresses") {
  struct Case {
    std::string_view text;
    bool want;
  };
  const Case cases[] = {
      {"alice@example.com", true},
      {"Alice@EXAMPLE.COM", true},
      {"a+b@x.co", true},
      {"a@x.c", true},
      {"a@x.com.", true},
      {"a@x_y.com", true},
      {"a.b.c@x-y.example", true},
      {"a@1x.com", true},
      {"!#$%&'*+-/=?^_`{|}~@x.com", true},
      {"user@localhost", false},
      {"a.b.@x.com", false},
      {".a@x.com", false},
      {"a..b@x.com", false},
      {"\"a b\"@x.com", false},
      {"a@1.2.3.4", false},
      {"a@b.c1", false},
      {"a@-x.com", false},
      {"a@x-.com", false},
      {"a@x..com", false},
      {"a@.com", false},
      {"a@com..", false},
      {"@x.com", false},
      {"a@", false},
      {"a", false},
      {"", false},
      {"a@b@x.com", false},
      {"a b@x.com", false},
      {"a@x .com", false},
      {"a@x.com\n", false},
      {"a\r\nb@x.com", false},
      {"a<b>@x.com", false},
      {"ü@x.com", false},  // Fulcio's pattern takes it; an rfc822Name cannot hold it
      {"a@ü.com", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK_EQ(oidc::IsEmail(c.text), c.want);
  }
  CHECK_FALSE(oidc::IsEmail(std::string("a\0@x.com", 8)));
  CHECK(oidc::IsEmail(std::string(248, 'a') + "@x.com"));
  CHECK_FALSE(oidc::IsEmail(std::string(249, 'a') + "@x.com"));
}

TEST_CASE("SPIFFE IDs") {
  struct Case {
    std::string_view text;
    std::string_view trust_domain;  // empty: refused
  };
  const Case cases[] = {
      {"spiffe://example.com/ns/a/sa/b", "example.com"},
      {"spiffe://td/x", "td"},
      {"spiffe://a-b_c.d0/A-Z.z_9", "a-b_c.d0"},
      {"spiffe://td/...", "td"},
      {"spiffe://example.com", ""},
      {"spiffe://example.com/", ""},
      {"spiffe://example.com/a/", ""},
      {"spiffe://example.com//a", ""},
      {"spiffe://example.com/a//b", ""},
      {"spiffe://example.com/./a", ""},
      {"spiffe://example.com/a/..", ""},
      {"spiffe:///a", ""},
      {"spiffe://Example.com/a", ""},
      {"spiffe://example.com:80/a", ""},
      {"spiffe://user@example.com/a", ""},
      {"spiffe://example.com/a%41", ""},
      {"spiffe://example.com/a b", ""},
      {"spiffe://example.com/a?q", ""},
      {"spiffe://example.com/a#f", ""},
      {"spiffe://exämple.com/a", ""},
      {"SPIFFE://example.com/a", ""},
      {"https://example.com/a", ""},
      {"", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto got = oidc::ParseSpiffeId(c.text);
    REQUIRE_EQ(got.has_value(), !c.trust_domain.empty());
    if (got) {
      CHECK_EQ(got->trust_domain, c.trust_domain);
    } else {
      CHECK(got.error().Is(oidc::kClaims));
    }
  }
  CHECK(oidc::ParseSpiffeId("spiffe://td/" + std::string(2036, 'a')));
  CHECK_FALSE(oidc::ParseSpiffeId("spiffe://td/" + std::string(2037, 'a')));
}

TEST_CASE("issuer and subject share a domain") {
  struct Case {
    std::string_view issuer;
    std::string_view subject;
    bool want;
  };
  const Case cases[] = {
      {"example.com", "example.com", true},
      {"accounts.example.com", "example.com", true},
      {"example.com", "accounts.example.com", true},
      {"accounts.example.com", "profiles.example.com", true},
      {"a.b.c.example.com", "d.example.com", true},
      {"localhost", "localhost", true},
      {"10.0.0.1", "10.0.0.1", true},
      {"example.com", "example", false},
      {"example", "example.com", false},
      {"example.com", "otherexample.com", false},
      {"otherexample.com", "example.com", false},
      {"example.com", "example.org", false},
      {"10.0.0.1", "192.168.0.1", false},  // the last two numbers are no domain
      {".com", "a.com", false},
      {"", "", false},
      {"example.com.", "example.com", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.issuer);
    CAPTURE(c.subject);
    CHECK_EQ(oidc::SharesDomain(c.issuer, c.subject), c.want);
  }
}

TEST_CASE("Kubernetes names") {
  for (const std::string_view good : {"default", "ns1", "a-b", "a.b", "0"}) {
    CAPTURE(good);
    CHECK(oidc::IsDnsName(good));
  }
  for (const std::string_view bad : {"", "A", "a/b", "-a", "a-", ".a", "a.", "a..b", "a-.b", "a.-b",
                                     "a_b", "a%2fb", "..", "ü"}) {
    CAPTURE(bad);
    CHECK_FALSE(oidc::IsDnsName(bad));
  }
}
