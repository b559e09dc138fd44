// A token on its whole way: minted by OpenSSL, verified by the product, over a network that is
// faked.
#include "oidc/verifier.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <thread>

#include "schema/base/base64.h"
#include "tests/support/fakes.h"
#include "tests/support/token.h"

namespace {

using schema::Json;
using support::BaseClaims;
using support::GithubClaims;
using support::TokenMinter;

constexpr schema::Time kNow{std::chrono::seconds{1795255200}};  // 2026-11-21T10:00:00Z
constexpr const char* kGithub = "https://token.actions.githubusercontent.com";
constexpr const char* kSpiffe = "https://spiffe.example.com";
constexpr const char* kTenant = "https://ci.example.com/org/acme";
constexpr const char* kIssuers = R"(
oidc-issuers:
  https://token.actions.githubusercontent.com:
    issuer-url: https://token.actions.githubusercontent.com
    client-id: sigstore
    type: github-workflow
  https://spiffe.example.com:
    issuer-url: https://spiffe.example.com
    client-id: sigstore
    audiences: [chancery]
    type: spiffe
    spiffe-trust-domain: example.com
    jti: required
meta-issuers:
  https://ci.example.com/org/*:
    client-id: sigstore
    type: ci-provider
    ci-provider: ours
ci-issuer-metadata:
  ours: {subject-alternative-name-template: "https://ci.example.com/{{ .job_workflow_ref }}"}
)";

struct World {
  World() {
    for (const char* url : {kGithub, kSpiffe, kTenant}) {
      fetcher.Serve(std::string(url) + "/.well-known/openid-configuration",
                    support::DiscoveryOf(url));
      fetcher.Serve(std::string(url) + "/jwks", minter.Jwks());
    }
    auto made = oidc::Verifier::Create(kIssuers, "/", fetcher, clock, journal, problems);
    REQUIRE_MESSAGE(made, made.error().Describe());
    verifier = *std::move(made);
    for (const auto& problem : problems) FAIL_CHECK(problem.Describe());
  }
  // Puts `text` in force if it can be.
  schema::Outcome Reload(std::string_view text) {
    return verifier->Reload(text, problems, [](const auto&) { return schema::Ok(); });
  }
  std::string Refusal(const std::string& token) {
    const auto got = verifier->Verify(token);
    return got ? "accepted" : std::string(got.error().kind->id);
  }

  TokenMinter minter{"RS256"};
  support::FakeFetcher fetcher;
  support::FakeClock clock{kNow};
  support::MemoryJournal journal;
  std::vector<schema::Error> problems;
  std::unique_ptr<oidc::Verifier> verifier;
};

TEST_CASE("a GitHub token becomes an identity") {
  World world;
  const Json claims = GithubClaims(kGithub, "sigstore", kNow);
  const auto got = world.verifier->Verify(world.minter.Mint(claims));
  REQUIRE_MESSAGE(got, got.error().Describe());
  CHECK_EQ(got->issuer, kGithub);
  CHECK_EQ(got->issuer_type, "github-workflow");
  CHECK_EQ(got->san.value,
           "https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/tags/v1.2.3");
  CHECK_EQ(got->proof_message, "repo:octo-org/octo-repo:ref:refs/tags/v1.2.3");
  CHECK_EQ(got->claims, claims);
  CHECK(got->issued_at == kNow);
  CHECK(got->expires_at == kNow + std::chrono::seconds{300});
  std::string id = std::string(kGithub) + '\0' + claims["jti"].get<std::string>();
  REQUIRE(got->token_id.has_value());
  CHECK_EQ(schema::Hex(*got->token_id), schema::Hex(schema::Sha256(schema::AsBytes(id))));
}

TEST_CASE("a pattern's issuer is discovered on first use, at its own place") {
  World world;
  CHECK_EQ(world.fetcher.Count(std::string(kTenant) + "/jwks"), 0);
  const auto got =
      world.verifier->Verify(world.minter.Mint(GithubClaims(kTenant, "sigstore", kNow)));
  REQUIRE_MESSAGE(got, got.error().Describe());
  CHECK_EQ(got->issuer, kTenant);
  CHECK_EQ(world.fetcher.Count(std::string(kTenant) + "/jwks"), 1);
}

TEST_CASE("an unknown issuer is never fetched") {
  World world;
  // The configured ones first, so that the count below is of nothing else.
  REQUIRE_EQ(world.Refusal(world.minter.Mint(GithubClaims(kGithub, "sigstore", kNow))), "accepted");
  const char* const unknown[] = {
      "https://token.actions.githubusercontent.com/",
      "https://token.actions.githubusercontent.com.evil.example",
      "https://TOKEN.actions.githubusercontent.com",
      "http://token.actions.githubusercontent.com",
      "https://token.actions.githubusercontent.com#",
      "https://ci.example.com/org/",
      "https://ci.example.com/org/a/b",
      "https://ci.example.com/org/a.b",
      "https://xci.example.com/org/a",
      "https://ci.example.com/org/a\n",
      "https://ciXexample.com/org/acme",
      "https://ci.example.com/org/*",
      "file:///etc/passwd",
      "",
      "http://169.254.169.254/",
  };
  for (const char* iss : unknown) {
    CAPTURE(std::string(iss));
    CHECK_EQ(world.Refusal(world.minter.Mint(GithubClaims(iss, "sigstore", kNow))),
             "issuer-unknown");
    const std::string discovery = std::string(iss) + "/.well-known/openid-configuration";
    CHECK_EQ(world.fetcher.Count(discovery), 0);
  }
  const std::string nul = std::string("https://token.actions.githubusercontent.com") + '\0';
  CHECK_EQ(world.Refusal(world.minter.Mint(GithubClaims(nul, "sigstore", kNow))), "issuer-unknown");
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("a reload keeps the keys of issuers that stay, and forgets what is gone") {
  World world;
  const auto ask = [&](const char* iss) {
    return world.Refusal(world.minter.Mint(GithubClaims(iss, "sigstore", kNow)));
  };
  const std::string keys = std::string(kGithub) + "/jwks";
  REQUIRE_EQ(ask(kGithub), "accepted");
  REQUIRE_EQ(ask(kTenant), "accepted");
  const int fetched = world.fetcher.Count(keys);
  world.fetcher.Remove(keys);
  // Another audience, no pattern, one issuer more.
  std::string text = Replaced(kIssuers, "client-id: sigstore", "client-id: elsewhere");
  text = text.substr(0, text.find("meta-issuers")) + R"(
  https://token.actions.githubusercontent.com/new:
    issuer-url: https://token.actions.githubusercontent.com/new
    client-id: sigstore
    type: github-workflow
)";
  world.fetcher.Serve(
      "https://token.actions.githubusercontent.com/new/.well-known/openid-configuration",
      support::DiscoveryOf("https://token.actions.githubusercontent.com/new"));
  world.fetcher.Serve("https://token.actions.githubusercontent.com/new/jwks", world.minter.Jwks());
  const auto done = world.Reload(text);
  REQUIRE_MESSAGE(done, done.error().Describe());
  CHECK(world.problems.empty());
  CHECK_EQ(ask(kGithub), "audience");  // the keys are there, the setting is the new one
  CHECK_EQ(world.Refusal(world.minter.Mint(GithubClaims(kGithub, "elsewhere", kNow))), "accepted");
  CHECK_EQ(ask(kTenant), "issuer-unknown");
  CHECK_EQ(ask("https://token.actions.githubusercontent.com/new"), "accepted");
  CHECK_EQ(world.fetcher.Count(keys), fetched);
  CHECK_EQ(world.verifier->Issuers().size(), 3);
}

TEST_CASE("a broken issuers file changes nothing") {
  struct Case {
    const char* name;
    std::string text;
    const char* want;
  };
  const Case cases[] = {
      {"empty", "", "no-issuers"},
      {"not YAML", "oidc-issuers: [", "bad-document"},
      {"no issuer left", "oidc-issuers: {}", "no-issuers"},
      {"a served issuer's type is misspelt",
       Replaced(kIssuers, "type: github-workflow", "type: github-workflw"), "issuer-lost"},
      {"a served pattern's type is misspelt",
       Replaced(kIssuers, "type: ci-provider", "type: ci-providr"), "issuer-lost"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    World world;
    const auto done = world.Reload(c.text);
    REQUIRE_FALSE(done);
    CHECK_EQ(done.error().kind->id, c.want);
    CHECK_EQ(world.Refusal(world.minter.Mint(GithubClaims(kGithub, "sigstore", kNow))), "accepted");
    CHECK_EQ(world.Refusal(world.minter.Mint(GithubClaims(kTenant, "sigstore", kNow))), "accepted");
  }
}

TEST_CASE(
    "new issuers are entered before a token is verified under them, and each token names its") {
  World world;
  const auto digest = [&] {
    const auto got =
        world.verifier->Verify(world.minter.Mint(GithubClaims(kGithub, "sigstore", kNow)));
    return got ? got->issuers_digest : std::string(got.error().kind->id);
  };
  const std::string changed = std::string(kIssuers) + "# changed\n";
  std::vector<std::string> calls;
  const auto enter = [&](schema::Outcome outcome) {
    return [&, outcome](const oidc::LoadedIssuers& loaded) {
      calls.push_back(loaded.digest + " " + std::to_string(loaded.count));
      CHECK_EQ(digest(), schema::TextDigest(kIssuers));
      return outcome;
    };
  };
  const schema::Error busy{&oidc::kIssuerUnavailable, ""};
  CHECK_EQ(digest(), schema::TextDigest(kIssuers));
  CHECK_FALSE(world.verifier->Reload(changed, world.problems, enter(busy)));
  CHECK_EQ(digest(), schema::TextDigest(kIssuers));
  CHECK(world.verifier->Reload(changed, world.problems, enter(schema::Ok())));
  CHECK_EQ(digest(), schema::TextDigest(changed));
  CHECK_FALSE(world.verifier->Reload("oidc-issuers: [", world.problems, enter(schema::Ok())));
  CHECK_EQ(calls, std::vector<std::string>(2, schema::TextDigest(changed) + " 3"));
  CHECK_EQ(world.verifier->Loaded().digest, schema::TextDigest(changed));
}

TEST_CASE("whoever waits for a reload goes on once the new issuers are in force") {
  World world;
  std::atomic<bool> entering{false}, may_end{false};
  const std::string changed = std::string(kIssuers) + "# changed\n";
  std::thread reload([&] {
    CHECK(world.verifier->Reload(changed, world.problems, [&](const oidc::LoadedIssuers&) {
      entering = true;
      while (!may_end) std::this_thread::yield();
      return schema::Ok();
    }));
  });
  while (!entering) std::this_thread::yield();
  std::thread mend([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    may_end = true;
  });
  world.verifier->WaitForReload();
  CHECK_EQ(world.verifier->Loaded().digest, schema::TextDigest(changed));
  mend.join();
  reload.join();
}

TEST_CASE("a new entry that cannot be used is left out and does not stop the others") {
  World world;
  REQUIRE(world.Reload(Replaced(kIssuers, "oidc-issuers:\n", R"(oidc-issuers:
  https://bad.example.com:
    issuer-url: https://bad.example.com
    client-id: sigstore
    type: no-such-type
)")));
  CHECK_EQ(world.problems.size(), 1);
  CHECK_EQ(world.Refusal(world.minter.Mint(GithubClaims(kGithub, "sigstore", kNow))), "accepted");
}

TEST_CASE("the step that refused a token is told where its issuer allows it") {
  World world;
  const std::string verbose = Replaced(kIssuers, "type: github-workflow",
                                       "type: github-workflow\n    verbose-denials: true");
  REQUIRE(world.Reload(verbose));
  const auto with = [](const char* claim, const Json& value) {
    Json claims = GithubClaims(kGithub, "sigstore", kNow);
    claims[claim] = value;
    return claims;
  };
  const auto mint = [&world](const Json& claims) { return world.minter.Mint(claims); };
  std::string spoiled = mint(GithubClaims(kGithub, "sigstore", kNow));
  char& first = spoiled[spoiled.rfind('.') + 1];
  first = first == 'A' ? 'B' : 'A';
  const TokenMinter other_kid("RS256", "other");
  const struct {
    const char* name;
    std::string token;
    const char* want;
  } cases[] = {
      {"none", "", ""},
      {"no token", "a.b.c", ""},
      {"another issuer, which does not allow it", mint(support::BaseClaims(kSpiffe, "x", kNow)),
       ""},
      {"an unknown issuer", mint(GithubClaims("https://x.example", "sigstore", kNow)), ""},
      {"accepted", mint(GithubClaims(kGithub, "sigstore", kNow)), ""},
      {"a wrong signature", spoiled, "signature"},
      {"an unknown key", other_kid.Mint(GithubClaims(kGithub, "sigstore", kNow)), "key"},
      {"audience", mint(with("aud", "x")), "audience"},
      {"expired", mint(with("exp", 1795255199)), "times"},
      {"a token id that is none", mint(with("jti", 7)), "jti"},
      {"a claim is missing", mint(with("job_workflow_ref", nullptr)), "mapping"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    std::string_view step = "not set";
    const auto got = world.verifier->Verify(c.token, &step);
    CHECK_EQ(got.has_value(), std::string_view(c.name) == "accepted");
    CHECK_EQ(step, c.want);
  }
}

TEST_CASE("an identity's kind is its provider's name, else its issuer's type") {
  const struct {
    const char* iss;
    const char* want;
  } cases[] = {{kGithub, "github-workflow"}, {kTenant, "ours"}};
  World world;
  for (const auto& c : cases) {
    CAPTURE(c.iss);
    const auto got =
        world.verifier->Verify(world.minter.Mint(GithubClaims(c.iss, "sigstore", kNow)));
    REQUIRE(got);
    CHECK_EQ(got->kind, c.want);
    CHECK(got->shared_audience);
  }
  Json claims = BaseClaims(kSpiffe, "chancery", kNow);
  claims["sub"] = "spiffe://example.com/a";
  claims["jti"] = "1";
  const auto spiffe = world.verifier->Verify(world.minter.Mint(claims));
  REQUIRE_MESSAGE(spiffe, (spiffe ? "" : spiffe.error().Describe()));
  CHECK_EQ(spiffe->kind, "spiffe");
  CHECK_FALSE(spiffe->shared_audience);
}

TEST_CASE("another issuer's key signs nothing for this one") {
  World world;
  const TokenMinter stranger("RS256");  // the same kid
  CHECK_EQ(world.Refusal(stranger.Mint(GithubClaims(kGithub, "sigstore", kNow))),
           "token-signature");
}

TEST_CASE("each check of the claims is made") {
  World world;
  const auto refused = [&](const char* name, Json value) {
    Json claims = BaseClaims(kSpiffe, "sigstore", kNow);
    claims["sub"] = "spiffe://example.com/build";
    if (value.is_null()) {
      claims.erase(name);
    } else {
      claims[name] = std::move(value);
    }
    return world.Refusal(world.minter.Mint(claims));
  };
  CHECK_EQ(refused("none", 1), "accepted");
  CHECK_EQ(refused("aud", "chancery"), "accepted");
  CHECK_EQ(refused("aud", "other"), "audience");
  CHECK_EQ(refused("exp", kNow.time_since_epoch().count()), "token-expired");
  CHECK_EQ(refused("nbf", kNow.time_since_epoch().count() + 1000), "token-not-yet-valid");
  CHECK_EQ(refused("iat", kNow.time_since_epoch().count() - 80000), "token-too-old");
  CHECK_EQ(refused("jti", Json()), "claims");
  CHECK_EQ(refused("sub", "spiffe://other.example/build"), "claims");
  CHECK_EQ(world.Refusal(""), "token-missing");
  CHECK_EQ(world.Refusal("x"), "token-malformed");
}

TEST_CASE("issuers are described for the configuration page") {
  World world;
  const auto issuers = world.verifier->Issuers();
  REQUIRE_EQ(issuers.size(), 3);
  CHECK_EQ(issuers[0].url, kSpiffe);
  CHECK_EQ(issuers[0].audience, "sigstore");
  CHECK_EQ(issuers[0].spiffe_trust_domain, "example.com");
  CHECK_EQ(issuers[1].type, "github-workflow");
  CHECK(issuers[2].wildcard);
  CHECK_EQ(issuers[2].url, "https://ci.example.com/org/*");
  for (const auto& issuer : issuers) CHECK_FALSE(issuer.skip_email_verification);
}

TEST_CASE("an issuer whose addresses are not asked to be verified says so") {
  World world;
  constexpr const char* kText = R"(
oidc-issuers:
  https://token.actions.githubusercontent.com:
    client-id: sigstore
    type: email
    skip-email-verification: true
)";
  const auto verifier =
      oidc::Verifier::Create(kText, "/", world.fetcher, world.clock, world.journal, world.problems);
  REQUIRE(verifier);
  REQUIRE_EQ((*verifier)->Issuers().size(), 1);
  CHECK((*verifier)->Issuers()[0].skip_email_verification);
}

TEST_CASE("every algorithm that an issuer may use is taken") {
  World world;
  for (const char* alg :
       {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}) {
    CAPTURE(std::string(alg));
    const TokenMinter minter(alg, "kid of its own");
    support::FakeFetcher fetcher;
    fetcher.Serve(std::string(kGithub) + "/.well-known/openid-configuration",
                  support::DiscoveryOf(kGithub));
    fetcher.Serve(std::string(kGithub) + "/jwks", minter.Jwks());
    auto verifier =
        oidc::Verifier::Create(kIssuers, "/", fetcher, world.clock, world.journal, world.problems);
    REQUIRE(verifier);
    const auto got = (*verifier)->Verify(minter.Mint(GithubClaims(kGithub, "sigstore", kNow)));
    CHECK_MESSAGE(got, got.error().Describe());
  }
}

}  // namespace
