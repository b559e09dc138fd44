#include "ca/budgets.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/ca/samples.h"

namespace {

using schema::Identity;
using std::chrono::seconds;

ca::GrantTerms Terms(std::optional<int> per_run, std::optional<ca::GrantTerms::Rate> rate) {
  ca::GrantTerms terms;
  terms.per_run = per_run;
  terms.per_identity = rate;
  return terms;
}

Identity Run(const schema::Json& run_id = "42", const schema::Json& attempt = "1") {
  Identity identity = samples::Github();
  identity.claims["run_id"] = run_id;
  identity.claims["run_attempt"] = attempt;
  identity.token_id = schema::Hash{};
  return identity;
}

constexpr const char* kGithub = "github-workflow";

schema::Hash RunBucket(const Identity& identity, std::string_view kind = kGithub,
                       const std::string& rule = "r") {
  const auto budgets = ca::BudgetsOf(Terms(3, std::nullopt), rule, kind, identity);
  REQUIRE(budgets);
  REQUIRE_EQ(budgets->size(), 1);
  return budgets->front().bucket;
}

TEST_CASE("what a rule grants becomes what is counted") {
  const auto none = ca::BudgetsOf(Terms(std::nullopt, std::nullopt), "r", kGithub, Run());
  REQUIRE(none);
  CHECK(none->empty());
  const auto both =
      ca::BudgetsOf(Terms(3, ca::GrantTerms::Rate{100, seconds(3600)}), "r", kGithub, Run());
  REQUIRE(both);
  REQUIRE_EQ(both->size(), 2);
  CHECK_EQ((*both)[0].limit, 3);
  CHECK_EQ((*both)[0].text, "per-run: 3");
  CHECK_EQ((*both)[0].window, seconds(35 * 86400));
  CHECK_EQ((*both)[1].limit, 100);
  CHECK_EQ((*both)[1].text, "per-identity: 100 within 1h");
  CHECK_EQ((*both)[1].window, seconds(3600));
  CHECK_NE((*both)[0].bucket, (*both)[1].bucket);
}

TEST_CASE("runs are told apart by their claims, issuer and rule") {
  Identity elsewhere = Run();
  elsewhere.issuer = "https://ghes.example/_services/token";
  Identity other_job = Run();
  other_job.claims["job"] = "another";
  other_job.subject = "another";
  other_job.token_id = schema::Sha256({});
  CHECK_EQ(RunBucket(other_job), RunBucket(Run()));
  const std::set<schema::Hash> distinct = {
      RunBucket(Run()),
      RunBucket(Run("43")),
      RunBucket(Run("42", "2")),
      RunBucket(Run("4", "21")),  // no joining of neighbours
      RunBucket(Run(42)),         // a number is not the string of its digits
      RunBucket(Run("42\"", "1")),
      RunBucket(elsewhere),
      RunBucket(Run(), kGithub, "another rule"),
  };
  CHECK_EQ(distinct.size(), 8);
}

TEST_CASE("a token that does not name its run is refused") {
  const schema::Json kBad[] = {nullptr, 1.5, schema::Json::array({"42"}), schema::Json::object()};
  for (const schema::Json& value : kBad) {
    CAPTURE(value.dump());
    const auto refused = ca::BudgetsOf(Terms(3, std::nullopt), "r", kGithub, Run(value));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::kRunUnknown));
    CHECK_EQ(refused.error().kind->fault, schema::Fault::kPolicy);
    CHECK_NE(refused.error().detail.find("run_id"), std::string::npos);
  }
  Identity missing = Run();
  missing.claims.erase("run_attempt");
  CHECK_FALSE(ca::BudgetsOf(Terms(3, std::nullopt), "r", kGithub, missing));
  // Only a rule that counts runs asks for one.
  CHECK(ca::BudgetsOf(Terms(std::nullopt, ca::GrantTerms::Rate{1, seconds(60)}), "r", kGithub,
                      missing));
}

TEST_CASE("where there are no runs each token is one") {
  for (const char* kind : {"email", "a kind that nobody knows"}) {
    CAPTURE(kind);
    Identity one = Run(), other = Run();
    other.token_id = schema::Sha256({});
    CHECK_EQ(RunBucket(one, kind), RunBucket(one, kind));
    CHECK_NE(RunBucket(one, kind), RunBucket(other, kind));
    one.token_id.reset();
    CHECK_FALSE(ca::BudgetsOf(Terms(3, std::nullopt), "r", kind, one));
  }
}

TEST_CASE("an identity is issuer and subject under one rule") {
  const auto bucket = [](const std::string& issuer, const std::string& subject,
                         const std::string& rule) {
    Identity identity = Run();
    identity.issuer = issuer;
    identity.subject = subject;
    const auto budgets = ca::BudgetsOf(Terms(std::nullopt, ca::GrantTerms::Rate{1, seconds(60)}),
                                       rule, kGithub, identity);
    MUST(budgets);
    return budgets->front().bucket;
  };
  const std::set<schema::Hash> distinct = {bucket("a", "bc", "r"), bucket("ab", "c", "r"),
                                           bucket("a", "b", "cr"), bucket("a", "bc", "s")};
  CHECK_EQ(distinct.size(), 4);
  CHECK_EQ(bucket("a", "bc", "r"), bucket("a", "bc", "r"));
}

}  // namespace
