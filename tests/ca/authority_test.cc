#include "ca/authority.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "tests/ca/log/house.h"
#include "tests/ca/samples.h"

namespace {

using hsm::Purpose;

constexpr const char* kPolicy = R"(
version: 1
issuers:
  gh: {url: https://token.actions.githubusercontent.com}
allow:
  - {id: acme, issuer: gh, when: {repository: acme/app}}
)";

schema::Identity Acme(const std::string& token) {
  schema::Identity identity = samples::Github();
  identity.claims["repository"] = "acme/app";
  identity.claims["secret"] = "do not write me down";
  identity.token_id = log_test::HashOf(token);
  return identity;
}

struct OpenedHouse {
  OpenedHouse() { MUST(house.Open()); }
  log_test::House house;
};

class Discipline final : public ca::ClockDiscipline {
 public:
  std::optional<std::string> Trouble() const override { return trouble; }
  std::optional<std::string> trouble;
};

// An authority over a real log and a custody in memory.
struct Fixture : OpenedHouse {
  Fixture()
      : cas(*ca::IssuingCas::Of(house.chain)),
        authority({samples::kSettings, {"secret"}, &discipline}, cas, *ca::Policy::Parse(kPolicy),
                  house.custody, house.log(), house.clock) {}

  schema::Result<ca::Issued> Issue(const schema::Identity& identity,
                                   std::string_view key = "P-256") {
    return authority.Issue(identity, samples::Request(key), {"0123456789abcdef", "192.0.2.7"});
  }
  int EventsWith(std::string_view text) {
    const auto events = house.Events();
    return static_cast<int>(std::ranges::count_if(events, [text](const schema::Json& event) {
      return event.dump().find(text) != std::string::npos;
    }));
  }

  ca::CasInForce cas;
  Discipline discipline;
  ca::Authority authority;
};

TEST_CASE(
    "a certificate is issued, its events say why, and redacted claims keep only their names") {
  Fixture f;
  const auto issued = f.Issue(Acme("a"));
  REQUIRE_MESSAGE(issued, (issued ? "" : issued.error().Describe()));
  CHECK_EQ(issued->index, 0);
  CHECK_FALSE(issued->retry);
  const auto certificate = samples::ParseWithOpenssl(issued->certificate.view());
  REQUIRE(certificate);
  CHECK_EQ(X509_verify(certificate.get(), f.house.custody.issuing_key()), 1);
  CHECK_EQ(f.EventsWith(R"("type":"granted")"), 1);
  CHECK_EQ(f.EventsWith(R"x("secret":"(redacted)")x"), 1);
  CHECK_EQ(f.EventsWith("do not write me down"), 0);
  CHECK_EQ(f.EventsWith(R"("rule":"acme")"), 1);
  CHECK_EQ(f.EventsWith(R"("client_address":"192.0.2.7")"), 1);
}

TEST_CASE("what a rule grants bounds what is given: tokens, budgets, lifetime") {
  constexpr const char* kBounded = R"(
version: 1
issuers:
  gh: {url: https://token.actions.githubusercontent.com, kind: github-workflow}
allow:
  - id: bounded
    issuer: gh
    when: all
    grant: {per-token: 2, per-run: 3, per-identity: {count: 100, within: 1h}, lifetime: 1m}
)";
  OpenedHouse opened;
  log_test::House& house = opened.house;
  auto policy = ca::Policy::Parse(kBounded);
  REQUIRE_MESSAGE(policy, (policy ? "" : policy.error().Describe()));
  ca::CasInForce cas(*ca::IssuingCas::Of(house.chain));
  ca::Authority authority({samples::kSettings, {}}, cas, *std::move(policy), house.custody,
                          house.log(), house.clock);
  const auto issue = [&](const std::string& token, const std::string& run, const char* key) {
    schema::Identity identity = Acme(token);
    if (!run.empty()) identity.claims["run_id"] = run;
    identity.claims["run_attempt"] = "1";
    const auto issued =
        authority.Issue(identity, samples::Request(key), {"0123456789abcdef", "192.0.2.7"});
    return issued ? "#" + std::to_string(issued->index) : std::string(issued.error().kind->id);
  };
  CHECK_EQ(issue("a", "1", "P-256"), "#0");
  CHECK_EQ(issue("a", "1", "P-384"), "#1");
  CHECK_EQ(issue("a", "1", "RSA-2048"), "token-spent");
  CHECK_EQ(issue("b", "1", "P-256"), "#2");
  CHECK_EQ(issue("c", "1", "P-256"), "budget-exhausted");
  CHECK_EQ(issue("b", "1", "P-256"), "#2");
  CHECK_EQ(issue("c", "2", "P-256"), "#3");
  CHECK_EQ(issue("d", "", "P-256"), "run-unknown");
  CHECK_EQ(house.Ask("SELECT max(not_after - not_before) FROM issuance"), 60 + 30);
  CHECK_EQ(house.Ask("SELECT count(*) FROM entry WHERE id >> 40 = 2 AND "
                     "json_extract(CAST(data AS TEXT), '$.budget') = 'per-run: 3' AND "
                     "json_extract(CAST(data AS TEXT), '$.family') = 'budget' AND "
                     "json_extract(CAST(data AS TEXT), '$.rule') = 'bounded'"),
           1);
  CHECK_EQ(house.Ask("SELECT count(*) FROM entry WHERE id >> 40 = 2 AND "
                     "json_extract(CAST(data AS TEXT), '$.type') = 'first-seen'"),
           5);  // repository, workflow, runner, two key types
}

TEST_CASE("a clock that nobody keeps stops issuing, and leaves no trace of the token") {
  Fixture f;
  f.discipline.trouble = "not synchronised";
  const auto refused = f.Issue(Acme("a"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kTimeNotAvailable));
  CHECK(refused.error().kind->fault == schema::Fault::kBusy);
  CHECK_EQ(refused.error().detail, "not synchronised");
  CHECK_EQ(f.house.log().State().certificates_size, 0);
  CHECK_EQ(f.house.log().State().events_size, 0);
  f.discipline.trouble.reset();
  const auto issued = f.Issue(Acme("a"));
  REQUIRE(issued);
  CHECK_FALSE(issued->retry);
}

TEST_CASE("nothing goes to the issuing key before its entry is durable") {
  Fixture f;
  std::uint64_t durable = 0;
  f.house.custody.Watch([&](Purpose purpose, schema::BytesView) {
    if (purpose == Purpose::kCertificate)
      durable = static_cast<std::uint64_t>(f.house.Ask("SELECT count(*) FROM issuance"));
  });
  REQUIRE(f.Issue(Acme("a")));
  CHECK_EQ(durable, 1);
}

TEST_CASE("a refusal costs no signature; the first is an event, repeats are counted") {
  struct Case {
    const char* name;
    schema::Identity identity;
    const char* key;
    const schema::ErrorKind* want;
  };
  schema::Identity stranger = Acme("s");
  stranger.claims["repository"] = "evil/app";
  schema::Identity other_message = Acme("m");
  other_message.proof_message = "somebody else";
  const Case cases[] = {
      {"claims do not match", stranger, "P-256", &ca::kPolicyDenied},
      {"proof over another text", other_message, "P-256", &ca::kProofWrong},
      {"weak key", Acme("w"), "RSA-1024", &ca::kKeyWeak},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Fixture f;
    for (int i = 0; i < 3; ++i) {
      const auto issued = f.Issue(c.identity, c.key);
      REQUIRE_FALSE(issued);
      CHECK_EQ(issued.error().kind->id, c.want->id);
    }
    CHECK_EQ(f.EventsWith(R"("type":"denied")"), 1);
    CHECK_EQ(f.house.custody.Count(Purpose::kCertificate), 0);
    CHECK_EQ(f.house.custody.Count(Purpose::kSct), 0);
    CHECK_EQ(f.house.log().State().certificates_size, 0);
  }
}

TEST_CASE("the same token and key get the same certificate; another key gets nothing") {
  Fixture f;
  const auto first = f.Issue(Acme("a"));
  const auto again = f.Issue(Acme("a"));
  REQUIRE(first);
  REQUIRE(again);
  CHECK(again->retry);
  CHECK_EQ(again->certificate, first->certificate);
  const auto other = f.Issue(Acme("a"), "P-384");
  REQUIRE_FALSE(other);
  CHECK_EQ(other.error().kind->id, ca::kTokenSpent.id);
  CHECK_EQ(f.house.log().State().certificates_size, 1);
}

TEST_CASE("parallel uses of one token give one entry and one certificate") {
  Fixture f;
  f.house.custody.Delay(Purpose::kCertificate, std::chrono::milliseconds(5));
  std::mutex mutex;
  std::set<schema::Bytes> certificates;
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([&] {
      const auto issued = f.Issue(Acme("a"));
      const std::lock_guard lock(mutex);
      certificates.insert(issued ? issued->certificate.bytes() : schema::Bytes{});
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(certificates.size(), 1);
  CHECK_EQ(f.house.log().State().certificates_size, 1);
}

TEST_CASE("a device that fails once leaves an entry that the retry finishes") {
  Fixture f;
  f.house.custody.Fail(Purpose::kCertificate, hsm::kSignerUnavailable, 1);
  const auto failed = f.Issue(Acme("a"));
  REQUIRE_FALSE(failed);
  CHECK_EQ(failed.error().kind->fault, schema::Fault::kBusy);
  const auto finished = f.Issue(Acme("a"));
  REQUIRE(finished);
  CHECK(finished->retry);
  CHECK_EQ(finished->index, 0);
  CHECK_EQ(f.house.log().State().certificates_size, 1);
}

TEST_CASE("what the device does not reach in time is turned away before it is entered") {
  Fixture f;
  REQUIRE(f.Issue(Acme("a")));
  f.house.custody.Expect(std::chrono::milliseconds(800));
  const auto refused = f.Issue(Acme("b"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(hsm::kSignerUnavailable));
  CHECK_EQ(f.house.log().State().certificates_size, 1);
  CHECK_EQ(f.EventsWith(R"("type":"granted")"), 1);
  f.house.custody.Expect(std::chrono::milliseconds(0));
  const auto issued = f.Issue(Acme("b"));
  REQUIRE(issued);
  CHECK_FALSE(issued->retry);
}

TEST_CASE("a policy that is adopted under load: no request fails, none is granted by the old one") {
  Fixture f;
  REQUIRE(f.authority.Adopt(*f.authority.policy()));
  std::atomic<bool> done{false};
  std::atomic<int> count{0};
  std::mutex mutex;
  std::vector<std::string> failures;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const auto issued = f.Issue(Acme("load " + std::to_string(++count)));
        if (issued) continue;
        const std::lock_guard lock(mutex);
        failures.push_back(issued.error().Describe());
      }
    });
  }
  for (int next = 1; next <= 10; ++next) {
    const int before = count;
    CHECK(log_test::WaitFor([&] { return count > before + 4; }));
    const std::string text = std::string(kPolicy) + "# " + std::to_string(next) + "\n";
    CHECK(f.authority.Adopt(*ca::Policy::Parse(text)));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(failures, std::vector<std::string>{});

  std::string in_force;
  int loaded = 0;
  for (const schema::Json& event : f.house.Events()) {
    if (event["type"] == "policy-loaded") {
      in_force = event["policy_digest"];
      ++loaded;
    }
    if (event["type"] == "granted") CHECK_EQ(event["policy_digest"], in_force);
  }
  CHECK_EQ(loaded, 11);
}

TEST_CASE("the new policy decides as soon as it is adopted") {
  Fixture f;
  REQUIRE(f.authority.Adopt(*f.authority.policy()));
  REQUIRE(f.Issue(Acme("a")));
  std::string other(kPolicy);
  other.replace(other.find("acme/app"), 8, "else/app");
  REQUIRE(f.authority.Adopt(*ca::Policy::Parse(other)));
  const auto refused = f.Issue(Acme("b"));
  REQUIRE_FALSE(refused);
  CHECK_EQ(refused.error().kind->id, ca::kPolicyDenied.id);
  CHECK_EQ(f.EventsWith(f.authority.policy()->digest()), 2);  // its loading and the refusal
}

constexpr const char* kTrialPolicy = R"(
version: 1
issuers:
  gh: {url: https://token.actions.githubusercontent.com}
deny:
  - {id: no-forks, issuer: gh, when: {fork: true}}
  - {id: trial, issuer: gh, mode: audit, when: {repository: acme/app}}
allow:
  - {id: other-trial, issuer: gh, mode: audit, when: all}
  - id: short
    issuer: gh
    when: {repository: acme/app}
    grant: {lifetime: 2m, keys: [ecdsa-p256]}
  - {id: long, issuer: gh, when: {repository: acme/long}, grant: {lifetime: 24h}}
)";

TEST_CASE("a rule shortens the lifetime, never lengthens it; rules on trial are in the event") {
  log_test::House house;
  REQUIRE(house.Open());
  ca::CasInForce cas(*ca::IssuingCas::Of(house.chain));
  ca::Authority authority({samples::kSettings, {}}, cas, *ca::Policy::Parse(kTrialPolicy),
                          house.custody, house.log(), house.clock);
  const auto issue = [&](const schema::Identity& identity, std::string_view key) {
    return authority.Issue(identity, samples::Request(key), {"id", "192.0.2.7"});
  };
  const auto lifetime = [&](const ca::Issued& issued) {
    const schema::OwnedCert cert = samples::ParseWithOpenssl(issued.certificate.view());
    REQUIRE(cert);
    int days = 0;
    int seconds = 0;
    REQUIRE_EQ(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert.get()),
                              X509_get0_notAfter(cert.get())),
               1);
    return std::chrono::seconds{days * 86400 + seconds} - samples::kSettings.backdate;
  };
  const auto brief = issue(Acme("a"), "P-256");
  REQUIRE(brief);
  CHECK_EQ(lifetime(*brief).count(), 120);
  schema::Identity other = Acme("b");
  other.claims["repository"] = "acme/long";
  const auto full = issue(other, "P-256");
  REQUIRE(full);
  CHECK_EQ(lifetime(*full).count(), samples::kSettings.lifetime.count());

  const auto key = issue(Acme("c"), "RSA-2048");
  REQUIRE_FALSE(key);
  CHECK(key.error().Is(ca::kKeyNotAllowed));
  schema::Identity fork = Acme("d");
  fork.claims["fork"] = true;
  const auto denied = issue(fork, "P-256");
  REQUIRE_FALSE(denied);
  CHECK(denied.error().Is(ca::kDenyRule));

  int seen = 0;
  for (const schema::Json& event : house.Events()) {
    if (event["type"] == "granted" && event["rule"] == "short") {
      CHECK_EQ(event["family"], "allow-rule");
      CHECK_EQ(event["would_deny"], schema::Json({"trial"}));
      CHECK_EQ(event["would_allow"], schema::Json({"other-trial"}));
      CHECK_EQ(event["rules"], 5);
      REQUIRE_EQ(event["checks"].size(), 5);
      CHECK_EQ(event["checks"][0],
               schema::Json({{"rule", "no-forks"}, {"effect", "deny"}, {"when", "-"}}));
      CHECK_EQ(event["checks"][1], schema::Json({{"rule", "trial"},
                                                 {"effect", "deny"},
                                                 {"mode", "audit"},
                                                 {"when", "m"},
                                                 {"matched", true}}));
      ++seen;
    }
    if (event["type"] == "denied" && event["reason"] == "key-not-allowed") {
      CHECK_EQ(event["family"], "key");
      CHECK_EQ(event["rule"], "short");
      CHECK_EQ(event["key_algorithm"], "rsa-2048");
      ++seen;
    }
    if (event["type"] == "denied" && event["reason"] == "policy-deny-rule") {
      CHECK_EQ(event["family"], "deny-rule");
      CHECK_EQ(event["rule"], "no-forks");
      ++seen;
    }
  }
  CHECK_EQ(seen, 3);
}

TEST_CASE("rules on trial, and the trace of a refusal where it is wanted, are told to the caller") {
  log_test::House house;
  REQUIRE(house.Open());
  ca::CasInForce cas(*ca::IssuingCas::Of(house.chain));
  ca::Authority authority({samples::kSettings, {}}, cas, *ca::Policy::Parse(kTrialPolicy),
                          house.custody, house.log(), house.clock);
  schema::Identity refused = Acme("c");
  refused.claims["fork"] = true;
  for (const bool trace : {false, true}) {
    CAPTURE(trace);
    ca::DecisionNotes notes;
    REQUIRE(
        authority.Issue(Acme("a"), samples::Request("P-256"), {"id", "192.0.2.7", trace}, &notes));
    CHECK_EQ(notes.would_deny, std::vector<std::string>{"trial"});
    CHECK_EQ(notes.would_allow, std::vector<std::string>{"other-trial"});
    CHECK(notes.trace.is_null());
    CHECK_FALSE(
        authority.Issue(refused, samples::Request("P-256"), {"id", "192.0.2.7", trace}, &notes));
    CHECK_EQ(notes.would_deny, std::vector<std::string>{"trial"});
    CHECK_EQ(notes.trace.is_null(), !trace);
  }
  ca::DecisionNotes none;
  CHECK_FALSE(
      authority.Issue(Acme("d"), samples::Request("RSA-1024"), {"id", "192.0.2.7", true}, &none));
  CHECK(none.would_allow.empty());
  CHECK(none.trace.is_null());
}

TEST_CASE("a token for the audience of every Sigstore service is marked in its event") {
  Fixture f;
  schema::Identity shared = Acme("a");
  shared.shared_audience = true;
  REQUIRE(f.Issue(shared));
  REQUIRE(f.Issue(Acme("b")));
  std::vector<bool> marked;
  for (const schema::Json& event : f.house.Events()) {
    if (event["type"] == "granted") marked.push_back(event.value("shared_audience", false));
  }
  CHECK_EQ(marked, std::vector<bool>{true, false});
}

TEST_CASE("a wrong signature is withheld") {
  log_test::House house;
  REQUIRE(house.Open());
  const schema::OwnedKey other = support::MakeKey("P-256");
  ca::Chain chain = house.chain;
  chain.spki = support::SpkiOf(other.get());
  auto wrong = ca::IssuingCas::Of(std::move(chain));
  REQUIRE(wrong);
  ca::CasInForce cas(*std::move(wrong));
  ca::Authority authority({samples::kSettings, {}}, cas, *ca::Policy::Parse(kPolicy), house.custody,
                          house.log(), house.clock);
  const auto issued = authority.Issue(Acme("a"), samples::Request("P-256"), {"id", "192.0.2.7"});
  REQUIRE_FALSE(issued);
  CHECK_EQ(issued.error().kind->id, ca::kSelfCheck.id);
}

}  // namespace
