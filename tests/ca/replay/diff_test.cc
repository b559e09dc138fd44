// Replaying events: what another policy would have said, from a store and from a file.
#include "ca/policy_diff.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "ca/asked.h"
#include "ca/replay/judge.h"
#include "ca/replay/scan.h"
#include "tests/ca/replay/events.h"
#include "tests/support/test_ca.h"

namespace {

using ca::Change;
using replay_test::Event;
using replay_test::kStart;
using schema::Json;

constexpr const char* kOld = R"(version: 1
issuers: {ci: {url: 'https://ci', kind: uri}}
deny: [{id: forks, when: {event: fork}}]
allow:
  - {id: main, issuer: ci, when: {ref: main}}
  - {id: team, issuer: ci, when: {groups: core}, grant: {keys: [ed25519]}}
)";
constexpr const char* kNew = R"(version: 1
issuers: {ci: {url: 'https://ci', kind: uri}}
allow:
  - {id: trunk, issuer: ci, when: {ref: main, event: {any: [push, fork]}}}
  - {id: team, issuer: ci, when: {groups: core}, grant: {keys: [ed25519]}}
)";

ca::Policy Parse(const char* text) {
  auto policy = ca::Policy::Parse(text);
  if (!policy) FAIL(policy.error().Describe());
  return *std::move(policy);
}

Json Granted(const char* subject, Json claims, const char* key = "ecdsa-p256") {
  return {{"type", "granted"},     {"issuer", "https://ci"},
          {"subject", subject},    {"claims", std::move(claims)},
          {"key_algorithm", key},  {"rule", "x"},
          {"request_id", subject}, {"checks", {{{"rule", "a\"}],{"}, {"matched", true}}}}};
}
Json Denied(const char* subject, Json claims) {
  Json event = Granted(subject, std::move(claims));
  event["type"] = "denied";
  return event;
}

class TempDir {
 public:
  TempDir() {
    std::string name = "/tmp/replay-test-XXXXXX";
    MUST(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> Events() {
  const std::vector<Json> events = {
      Granted("a", {{"ref", "main"}, {"event", "push"}}),        // main → trunk
      Granted("b", {{"ref", "main"}, {"event", "cron"}}),        // now refused
      Granted("b", {{"ref", "main"}}),                           // now refused
      Denied("c", {{"ref", "main"}, {"event", "fork"}}),         // now passes
      Denied("d", {{"ref", "x"}}),                               // same
      Granted("e", {{"groups", R"(["core","x"])"}}, "ed25519"),  // an array, as the log writes it
      Granted("f", {{"ref", "main"}, {"event", "(redacted)"}}),  // undecidable
      Denied("g", {{"ref", "(redacted)"}, {"event", "x"}}),  // undecidable: old alone allows main
      Granted("h",
              {{"ref", std::string(1020, 'x') + "…"}}),  // cut, but no rule can match: undecidable
      Json{{"type", "denied"}, {"issuer", "https://ci"}, {"reason", "key-weak"}},
      Json{{"type", "checkpoint"}},
  };
  std::vector<std::string> texts;
  for (const Json& event : events) {
    texts.push_back(Event(event, kStart + std::chrono::hours(texts.size())));
  }
  return texts;
}

void CheckReport(const ca::DiffReport& report) {
  CHECK_EQ(report.events, 11U);
  CHECK_EQ(report.certificates, 6U);
  CHECK_EQ(report.refusals, 3U);
  CHECK_EQ(report.not_asked, 1U);
  CHECK_EQ(report.other, 1U);
  CHECK_EQ(report.unreadable, 0U);
  CHECK_EQ(report.undecided, 3U);
  REQUIRE_EQ(report.groups.size(), 3U);
  const auto& refused = report.groups[0];
  CHECK_EQ(refused.change, Change::kNowRefused);
  CHECK_EQ(refused.subject, "b");
  CHECK_EQ(refused.events, 2U);
  CHECK_EQ(refused.certificates, 2U);
  CHECK_EQ(refused.before, "rule main");
  CHECK_EQ(refused.after, "default-deny");
  CHECK_EQ(refused.last, schema::Rfc3339(kStart + std::chrono::hours(2)));
  const auto& passes = report.groups[1];
  CHECK_EQ(passes.change, Change::kNowPasses);
  CHECK_EQ(passes.subject, "c");
  CHECK_EQ(passes.certificates, 0U);
  CHECK_EQ(passes.before, "deny rule forks");
  CHECK_EQ(passes.after, "rule trunk");
  const auto& other = report.groups[2];
  CHECK_EQ(other.change, Change::kOtherRule);
  CHECK_EQ(other.after, "rule trunk");
  REQUIRE_EQ(report.listed.size(), 3U);
  CHECK_EQ(report.listed[0].request_id, "f");
  CHECK_EQ(report.missing.at("event"), 1U);
  CHECK_EQ(report.missing.at("ref"), 2U);
}

TEST_CASE("events of a store, since a time and whole") {
  const TempDir directory;
  replay_test::EventStore store(directory.path());
  std::vector<std::string> shards = {"2026"};
  const auto events_of = Events();
  SUBCASE("of one shard") { store.Add(events_of, kStart + std::chrono::hours(12)); }
  SUBCASE("of several") {
    const auto middle = events_of.begin() + 5;
    store.Add({events_of.begin(), middle}, kStart + std::chrono::hours(12));
    for (const char* name : {"2027", "2028"}) {
      shards.emplace_back(name);
      store.OpenShard(name);
      const bool last = name == std::string("2028");
      store.Add(last ? std::vector(middle, events_of.end()) : std::vector<std::string>(),
                kStart + std::chrono::hours(12));
    }
  }
  std::vector<std::unique_ptr<ca::Reader>> readers;
  for (const std::string& shard : shards) {
    auto reader = ca::Reader::Open(directory.path(), "2026", shard);
    REQUIRE(reader);
    readers.push_back(*std::move(reader));
  }
  const ca::Policy before = Parse(kOld);
  const ca::Policy after = Parse(kNew);
  for (const unsigned threads : {1U, 4U}) {
    auto source = ca::EventsOfStore(readers, std::nullopt);
    REQUIRE(source);
    const auto report = ca::Replay({before, after, support::kNow, threads, {}}, source->get());
    REQUIRE(report);
    CheckReport(*report);
  }
  const std::pair<int, std::uint64_t> since[] = {{-1, 11}, {0, 11}, {3, 8}, {10, 1}, {11, 0}};
  for (const auto& row : since) {
    const int hours = row.first;
    const std::uint64_t events = row.second;
    CAPTURE(hours);
    auto source = ca::EventsOfStore(readers, kStart + std::chrono::hours(hours));
    REQUIRE(source);
    const auto report = ca::Replay({before, after, support::kNow, 2, {}}, source->get());
    REQUIRE(report);
    CHECK_EQ(report->events, events);
  }
}

ca::DiffReport OfFile(const std::string& text, const char* before, const char* after) {
  const TempDir directory;
  const auto path = directory.path() / "events.ndjson";
  std::ofstream(path) << text;
  auto source = ca::EventsOfFile(path);
  if (!source) FAIL(source.error().Describe());
  const ca::Policy old_policy = Parse(before);
  const ca::Policy new_policy = Parse(after);
  auto report = ca::Replay({old_policy, new_policy, support::kNow, 2, {}}, source->get());
  if (!report) FAIL(report.error().Describe());
  return *std::move(report);
}

TEST_CASE("events of a file, in the log's form and in others") {
  std::string lines;
  std::string spaced;
  for (const std::string& event : Events()) {
    lines += event + "\n";
    spaced += "  " + Json::parse(event).dump(-1, ' ', true) + " \r\n\n";
    spaced.insert(spaced.rfind('{') + 1, " ");
  }
  CheckReport(OfFile(lines, kOld, kNew));
  lines.pop_back();  // no line feed at the end
  CheckReport(OfFile(lines, kOld, kNew));
  CheckReport(OfFile(spaced, kOld, kNew));
  CHECK_FALSE(OfFile(lines, kOld, kOld).Differs());
}

TEST_CASE("what is not an event is counted, not judged") {
  for (const char* line :
       {"x", "{", "[]", "{\"type\":\"granted\"}",
        "{\"type\":\"granted\",\"issuer\":\"a\",\"issuer\":\"b\"}",
        "{\"type\":\"granted\",\"issuer\":\"https://ci\",\"claims\":{\"ref\":tru}}", "\"\\",
        "{\"a\":[}"}) {
    CAPTURE(line);
    const ca::DiffReport report = OfFile(line, kOld, kNew);
    CHECK_EQ(report.events, 1U);
    CHECK_EQ(report.unreadable, 1U);
  }
  CHECK_EQ(OfFile("", kOld, kNew).events, 0U);
  const TempDir directory;
  const auto path = directory.path() / "long";
  std::ofstream(path) << std::string(70000, 'x');
  auto source = ca::EventsOfFile(path);
  REQUIRE(source);
  const ca::Policy policy = Parse(kOld);
  CHECK_FALSE(ca::Replay({policy, policy, support::kNow, 2, {}}, source->get()));
  CHECK_FALSE(ca::EventsOfFile(directory.path() / "none"));
}

TEST_CASE("an event that lacks claims is judged when the rest decides") {
  using Outcome = ca::Judgement::Outcome;
  struct Case {
    const char* name;
    Json claims;
    std::set<std::string> hidden;
    bool more;
    const char* key;
    Outcome outcome;
    const char* by;
  };
  const Case cases[] = {
      {"nothing hidden", {{"ref", "main"}}, {}, false, "ed25519", Outcome::kAllowed, "rule main"},
      {"a claim no rule reads",
       {{"ref", "main"}},
       {"jti"},
       false,
       "ed25519",
       Outcome::kAllowed,
       "rule main"},
      {"a deny rule may match",
       {{"ref", "main"}},
       {"event"},
       false,
       "ed25519",
       Outcome::kUnknown,
       ""},
      {"a deny rule may match, but nothing allows",
       {{"ref", "x"}},
       {"event"},
       false,
       "rsa-2048",
       Outcome::kRefused,
       "default-deny"},
      {"a deny rule matches anyway",
       {{"event", "fork"}},
       {"ref"},
       false,
       "ed25519",
       Outcome::kRefused,
       "deny rule forks"},
      {"an allow rule may match", {}, {"ref"}, false, "ed25519", Outcome::kUnknown, ""},
      {"claims were left out", {{"ref", "main"}}, {}, true, "ed25519", Outcome::kUnknown, ""},
      {"the key type is not known", {{"groups", "core"}}, {}, false, "", Outcome::kUnknown, ""},
      {"nor needed",
       {{"ref", "main"}, {"event", "push"}},
       {},
       false,
       "",
       Outcome::kAllowed,
       "rule main"},
      {"the key type is wrong",
       {{"groups", "core"}},
       {},
       false,
       "rsa-2048",
       Outcome::kRefused,
       "key types of rule team"},
  };
  const ca::Policy policy = Parse(kOld);
  for (const Case& c : cases) {
    CAPTURE(c.name);
    ca::Logged logged;
    logged.identity.issuer = "https://ci";
    logged.identity.claims = c.claims.is_null() ? Json::object() : c.claims;
    logged.hidden = c.hidden;
    logged.more = c.more;
    logged.key = c.key;
    const ca::Judgement got = ca::Judge(policy, logged, support::kNow);
    CHECK_EQ(static_cast<int>(got.outcome), static_cast<int>(c.outcome));
    CHECK_EQ(got.by, c.by);
    CHECK_EQ(got.missing.empty(), c.outcome != Outcome::kUnknown);
  }
}

TEST_CASE("the scanner finds what the parser finds, or declines") {
  const ca::EventScanner scanner({"a", "b\"c"});
  ca::EventSlices slices;
  REQUIRE(scanner.Scan(
      R"({"claims":{"a":"x\\","b\"c":[1,"]"],"d":null},"issuer":"i\"","type":"granted"})",
      &slices));
  CHECK_EQ(slices.claims[0], R"("x\\")");
  CHECK_EQ(slices.claims[1], R"([1,"]"])");
  CHECK_EQ(slices.issuer, R"("i\"")");
  CHECK_EQ(slices.rule, "");
  for (const char* text : {"", "{", "{}x", "[]", R"({"type" :"x"})", R"({"type":"x","type":"y"})",
                           R"({"claims":{"\u0061":1}})", R"({"claims":{"a":1,"a":2}})",
                           R"({"t\u0079pe":1})", R"({"type":"x)", R"({"x":[[})", R"({"type":})"}) {
    CAPTURE(text);
    CHECK_FALSE(scanner.Scan(text, &slices));
  }
}

TEST_CASE("reports: strangers' subjects cannot steer the terminal, JSON has all") {
  const ca::DiffReport report =
      OfFile(Event(Granted("\x1b]0;x\x07 \xe2\x80\xae", {{"ref", "main"}}), kStart), kOld, kNew);
  const std::string text = ca::DiffText(report, 50);
  CHECK_NE(text.find("WOULD NOW BE REFUSED: 1 (1 certificates issued, 0 refused then)"),
           std::string::npos);
  CHECK_EQ(text.find('\x1b'), std::string::npos);
  CHECK_NE(text.find("?]0;x? ?"), std::string::npos);
  const Json json = ca::DiffJson(report);
  CHECK_EQ(json["groups"][0]["change"], "now-refused");
  CHECK_EQ(json["groups"][0]["subject"], "\x1b]0;x\x07 \xe2\x80\xae");
}

}  // namespace
