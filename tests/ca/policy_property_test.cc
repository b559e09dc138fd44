// Random policies and claims from fixed seeds: what holds of every decision.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "ca/policy.h"

namespace {

using schema::Json;

constexpr schema::Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 26);
constexpr int kRounds = 400;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t Below(std::size_t end) { return engine_() % end; }
  bool OneIn(std::size_t n) { return Below(n) == 0; }

  // Few names and values, so that rules and claims meet often.
  Json Value() {
    const Json values[] = {"x", "y", "x/y", "", 1, 2, true, false, 1.5};
    return values[Below(std::size(values))];
  }
  std::string Claim() { return std::string(1, "abc"[Below(3)]); }

  Json Condition() {
    switch (Below(6)) {
      case 0:
        return {{"any", Json::array({Value()})}};
      case 1:
        return {{"glob", OneIn(2) ? "*" : "x/*"}};
      case 2:
        return {{"regex", OneIn(2) ? "x.*" : "[0-9]+|y"}};
      case 3:
        return {{"absent", true}};
      default:
        return Value();
    }
  }

  Json When() {
    Json out = Json::object();
    do {
      out[Claim()] = Condition();
    } while (OneIn(2));
    return out;
  }

  Json Rule(const std::string& id, bool allow) {
    Json rule = {{"id", id}, {"when", OneIn(8) ? Json("all") : When()}};
    if (allow || OneIn(2)) rule["issuer"] = OneIn(3) ? Json({"i", "j"}) : Json("i");
    if (OneIn(4)) rule["mode"] = "audit";
    if (OneIn(4)) rule["expires"] = OneIn(2) ? "2026-11-26" : "2026-11-27";
    if (allow && OneIn(4)) rule["grant"]["keys"] = Json::array({"ed25519"});
    if (allow && OneIn(4)) rule["grant"]["when"] = When();
    return rule;
  }

  Json Policy() {
    Json out = {{"version", 1},
                {"issuers", {{"i", {{"url", "https://i"}}}, {"j", {{"url", "https://j"}}}}},
                {"deny", Json::array()},
                {"allow", Json::array()}};
    for (std::size_t n = Below(4); n > 0; --n)
      out["deny"].push_back(Rule("d" + std::to_string(n), false));
    for (std::size_t n = Below(6); n > 0; --n)
      out["allow"].push_back(Rule("a" + std::to_string(n), true));
    return out;
  }

  schema::Identity Identity() {
    schema::Identity out{};
    const char* issuers[] = {"https://i", "https://i", "https://j", "https://k"};
    out.issuer = issuers[Below(std::size(issuers))];
    out.claims = Json::object();
    for (int n = 0; n < 3; ++n) {
      const Json odd[] = {nullptr, Json::object(), Json::array({"x", 1}), Json::array(), 1e300};
      out.claims[Claim()] = OneIn(4) ? odd[Below(std::size(odd))] : Value();
    }
    return out;
  }

  template <class Range>
  void Shuffle(Range& range) {
    for (std::size_t i = range.size(); i > 1; --i) std::swap(range[i - 1], range[Below(i)]);
  }

 private:
  std::mt19937 engine_;
};

ca::Policy Parse(const std::string& text) {
  auto policy = ca::Policy::Parse(text);
  if (!policy) FAIL(policy.error().Describe() << "\n" << text);
  return *std::move(policy);
}

ca::Decision Decide(const Json& policy, const schema::Identity& identity) {
  return Parse(policy.dump()).Decide(identity, "ecdsa-p256", kNow);
}

// All that a decision says, as text.
std::string Outcome(const ca::Decision& decision) {
  std::string out = std::string(decision.family()) + " " + decision.rule();
  for (const ca::Decision::Check& check : decision.checks()) {
    out += "\n" + check.rule + (check.applies ? "A" : "-") + (check.matched ? "M" : "-") +
           (check.expired ? "E" : "-") + (check.key_allowed ? "K" : "-");
    for (const auto finding : check.when) out += std::to_string(static_cast<int>(finding));
    for (const auto finding : check.grant_when) out += std::to_string(static_cast<int>(finding));
  }
  return out;
}

// Block style, with every text in quotes: nothing of JSON's own shape is left but scalars.
std::string Yaml(const Json& value, const std::string& indent) {
  std::string out;
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) {
      out += "\n" + indent + Json(key).dump() + ":" + Yaml(member, indent + "  ");
    }
    return out;
  }
  if (value.is_array() && !value.empty()) {
    for (const Json& item : value) out += "\n" + indent + "-" + Yaml(item, indent + "  ");
    return out;
  }
  return " " + value.dump();
}

TEST_CASE("deny wins, whatever the order") {
  int denied = 0;
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Json policy = random.Policy();
    const schema::Identity identity = random.Identity();
    const ca::Decision before = Decide(policy, identity);
    const bool matches = std::ranges::any_of(before.checks(), [](const auto& check) {
      return check.effect == ca::Effect::kDeny && check.mode == ca::Mode::kEnforce && check.matched;
    });
    CHECK_EQ(before.refusal() == &ca::kDenyRule, matches);
    random.Shuffle(policy["deny"]);
    random.Shuffle(policy["allow"]);
    const ca::Decision after = Decide(policy, identity);
    CHECK_EQ(after.allowed(), before.allowed());
    CHECK_EQ(after.refusal(), before.refusal());
    denied += matches ? 1 : 0;
  }
  CHECK_GT(denied, kRounds / 20);  // the rounds are worth something
  CHECK_LT(denied, kRounds);
}

TEST_CASE("one more deny rule never grants, one less allow rule neither") {
  int allowed = 0;
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Json policy = random.Policy();
    const schema::Identity identity = random.Identity();
    const bool before = Decide(policy, identity).allowed();
    allowed += before ? 1 : 0;
    Json stricter = policy;
    stricter["deny"].insert(
        stricter["deny"].begin() + static_cast<long>(random.Below(stricter["deny"].size() + 1)),
        random.Rule("new", false));
    CHECK((before || !Decide(stricter, identity).allowed()));
    for (std::size_t i = 0; i < policy["allow"].size(); ++i) {
      Json fewer = policy;
      fewer["allow"].erase(i);
      CHECK((before || !Decide(fewer, identity).allowed()));
    }
  }
  CHECK_GT(allowed, kRounds / 20);
}

TEST_CASE("each rule is evaluated once and listed, in file order") {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Json policy = random.Policy();
    const ca::Decision decision = Decide(policy, random.Identity());
    std::vector<Json> rules(policy["deny"].begin(), policy["deny"].end());
    rules.insert(rules.end(), policy["allow"].begin(), policy["allow"].end());
    REQUIRE_EQ(decision.checks().size(), rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const ca::Decision::Check& check = decision.checks()[i];
      CHECK_EQ(check.rule, rules[i]["id"].get<std::string>());
      const std::size_t conditions = rules[i]["when"].is_object() ? rules[i]["when"].size() : 0;
      CHECK_EQ(check.when.size(), check.applies ? conditions : 0);
    }
  }
}

TEST_CASE("rules in audit mode never change the outcome") {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Json policy = random.Policy();
    const schema::Identity identity = random.Identity();
    const ca::Decision with = Decide(policy, identity);
    for (const char* list : {"deny", "allow"}) {
      Json kept = Json::array();
      for (const Json& rule : policy[list]) {
        if (rule.value("mode", "enforce") != "audit") kept.push_back(rule);
      }
      policy[list] = kept;
    }
    const ca::Decision without = Decide(policy, identity);
    CHECK_EQ(with.refusal(), without.refusal());
    CHECK_EQ(with.rule(), without.rule());
  }
}

TEST_CASE("a policy decides the same however it is written") {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Json policy = random.Policy();
    const schema::Identity identity = random.Identity();
    const std::string want = Outcome(Decide(policy, identity));
    for (const std::string& text : {policy.dump(2), Yaml(policy, "")}) {
      CHECK_EQ(Outcome(Parse(text).Decide(identity, "ecdsa-p256", kNow)), want);
    }
  }
}

TEST_CASE("the last of fifty rules decides") {
  Json policy = Random(1).Policy();
  policy["deny"] = Json::array();
  policy["allow"] = Json::array();
  for (int i = 0; i < 50; ++i) {
    const std::string id = "r" + std::to_string(i);
    policy["allow"].push_back(
        {{"id", id},
         {"issuer", "i"},
         {"when",
          {{"owner", "5544123"},
           {"repository", {{"any", {id, id + "x"}}}},
           {"workflow", {{"glob", "corp/" + id + "/.github/workflows/*.yml@refs/tags/v*"}}},
           {"ref", {{"regex", "refs/tags/v[0-9]+\\.[0-9]+"}}}}}});
  }
  const ca::Policy parsed = Parse(policy.dump());
  schema::Identity identity{};
  identity.issuer = "https://i";
  identity.claims = {{"owner", "5544123"},
                     {"repository", "r49"},
                     {"ref", "refs/tags/v1.22"},
                     {"workflow", "corp/r49/.github/workflows/release.yml@refs/tags/v1"}};
  CHECK_EQ(parsed.Decide(identity, "ed25519", kNow).rule(), "r49");
}

}  // namespace
