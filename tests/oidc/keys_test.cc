// Issuers that rotate, die, lie, hang and come back, and the crowds that ask for their keys
// meanwhile.
#include "oidc/keys.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <functional>
#include <thread>

#include "tests/support/fakes.h"
#include "tests/support/token.h"

namespace {

using namespace std::chrono_literals;
using schema::Result;
using support::TokenMinter;

constexpr schema::Time kNow{std::chrono::seconds{1795255200}};
const std::string kA = "https://a.example";
const std::string kB = "https://b.example";

std::string Configuration(const std::string& issuer) { return oidc::DiscoveryUrl(issuer); }
std::string Jwks(const std::string& issuer) { return issuer + "/jwks"; }

oidc::IssuerSet MakeIssuers() {
  std::vector<schema::Error> problems;
  auto set = oidc::LoadIssuers(R"(
oidc-issuers:
  https://a.example: {issuer-url: https://a.example, client-id: x, type: buildkite-job}
  https://b.example: {issuer-url: https://b.example, client-id: x, type: buildkite-job}
meta-issuers:
  https://m.example/*: {client-id: x, type: buildkite-job}
)",
                               "/", problems);
  MUST(set.has_value() && problems.empty());
  return *std::move(set);
}

// Real time passes only for threads to meet; what the store decides by is the fake clock.
bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

// An endpoint that does not answer before it is opened.
class Gate {
 public:
  void Open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    opened_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    opened_.wait(lock, [&] { return open_; });
  }
  int inside() const {
    const std::lock_guard lock(mutex_);
    return inside_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
  int inside_ = 0;
};

struct World {
  explicit World(oidc::KeySettings the_settings = {}) : settings(the_settings) {
    Serve(kA);
    Serve(kB);
  }
  void Serve(const std::string& issuer) {
    fetcher.Serve(Configuration(issuer), support::DiscoveryOf(issuer));
    fetcher.Serve(Jwks(issuer), one.Jwks());
  }
  void Hang(const std::string& url) {
    fetcher.Serve(url, [this](const schema::FetchRequest&) -> Result<std::string> {
      gate.Pass();
      return schema::Error{&schema::kFetchFailed, "too slow"};
    });
  }
  void Start() {
    store = std::make_unique<oidc::KeyStore>(issuers, fetcher, clock, journal, settings);
  }
  Result<std::shared_ptr<const oidc::KeySet>> Keys(const std::string& iss, const char* kid) {
    const auto issuer = issuers.Find(iss);
    MUST(issuer != nullptr);
    return store->Keys(issuer, iss, kid);
  }
  // "yes", "no" (keys, but not this one), or the refusal.
  std::string Ask(const std::string& iss, const char* kid = "one") {
    const auto keys = Keys(iss, kid);
    if (!keys) return std::string(keys.error().kind->id);
    return (*keys)->Has(kid) ? "yes" : "no";
  }
  int Failures() const {
    int count = 0;
    for (const std::string& line : journal.lines()) count += line.starts_with("issuer-keys-failed");
    return count;
  }
  oidc::IssuerHealth HealthOf(const std::string& iss) {
    for (auto& health : store->Health())
      if (health.url == iss) return health;
    return {"absent", false, 0, ""};
  }

  const TokenMinter one{"EdDSA", "one"}, two{"EdDSA", "two"};
  oidc::IssuerSet issuers = MakeIssuers();
  support::FakeFetcher fetcher;
  support::FakeClock clock{kNow};
  support::MemoryJournal journal;
  Gate gate;
  oidc::KeySettings settings;
  std::unique_ptr<oidc::KeyStore> store;  // last: it uses all above
};

TEST_CASE(
    "replaced issuers: who stays keeps the keys, who is fetched another way is fetched anew") {
  World world;
  world.Start();
  REQUIRE_EQ(world.Ask(kA), "yes");
  REQUIRE_EQ(world.Ask(kB), "yes");
  const auto removed = world.issuers.Find(kB);
  const int fetches = world.fetcher.Count(Jwks(kA));

  oidc::IssuerSet next;
  auto changed = std::make_shared<oidc::Issuer>(*world.issuers.Find(kA));
  changed->audiences = {"another"};
  next.exact.emplace(kA, changed);
  world.store->Replace(next);
  world.issuers = next;
  CHECK_EQ(world.Ask(kA), "yes");
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), fetches);
  // A request that found its issuer before the change.
  const auto late = world.store->Keys(removed, kB, "one");
  REQUIRE_FALSE(late);
  CHECK_EQ(late.error().kind->id, oidc::kIssuerUnknown.id);

  auto other_roots = std::make_shared<oidc::Issuer>(*changed);
  other_roots->ca_file = "/other.pem";
  world.issuers.exact[kA] = other_roots;
  world.store->Replace(world.issuers);
  CHECK_EQ(world.Ask(kA), "yes");
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), fetches + 1);
}

TEST_CASE("keys are fetched in the background, before anyone asks") {
  World world;
  world.Start();
  CHECK(Eventually([&] { return world.HealthOf(kA).has_keys && world.HealthOf(kB).has_keys; }));
  CHECK_EQ(world.Ask(kA), "yes");
  CHECK_EQ(world.fetcher.Total(), 4);
  CHECK_EQ(world.HealthOf(kA).last_error, "");
}

TEST_CASE("32 threads that need keys at once cause one fetch") {
  World world;
  Gate& gate = world.gate;
  world.fetcher.Serve(Jwks(kA), [&](const schema::FetchRequest&) -> Result<std::string> {
    gate.Pass();
    return world.one.Jwks();
  });
  world.Start();
  std::vector<std::string> answers(32);
  std::vector<std::thread> threads;
  for (std::string& answer : answers) threads.emplace_back([&] { answer = world.Ask(kA); });
  CHECK(Eventually([&] { return gate.inside() == 1; }));
  std::this_thread::sleep_for(50ms);  // for all to be waiting
  gate.Open();
  for (std::thread& thread : threads) thread.join();
  for (const std::string& answer : answers) CHECK_EQ(answer, "yes");
  CHECK_EQ(world.fetcher.Count(Configuration(kA)), 1);
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), 1);
}

TEST_CASE("an unknown kid causes one fetch per floor, of the keys only") {
  World world;
  world.Start();
  REQUIRE_EQ(world.Ask(kA), "yes");
  for (int i = 0; i < 100; ++i) CHECK_EQ(world.Ask(kA, "forged"), "no");
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), 1);
  world.clock.Advance(9999ms);
  CHECK_EQ(world.Ask(kA, "forged"), "no");
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), 1);
  world.clock.Advance(1ms);
  for (int i = 0; i < 100; ++i) CHECK_EQ(world.Ask(kA, "forged"), "no");
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), 2);
  CHECK_EQ(world.fetcher.Count(Configuration(kA)), 1);
}

TEST_CASE("a key that the issuer added is found at once, a key it withdrew is gone") {
  World world;
  world.Start();
  REQUIRE_EQ(world.Ask(kA), "yes");
  world.fetcher.Serve(Jwks(kA), world.two.Jwks());
  world.clock.Advance(10s);
  CHECK_EQ(world.Ask(kA, "two"), "yes");
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), 2);
  CHECK_EQ(world.Ask(kA, "one"), "no");
  // All withdrawn is an answer too, not a failure.
  world.fetcher.Serve(Jwks(kA), R"({"keys":[]})");
  world.clock.Advance(10s);
  CHECK_EQ(world.Ask(kA, "one"), "no");
  CHECK_EQ(world.Ask(kA, "two"), "no");
  CHECK_FALSE(world.HealthOf(kA).has_keys);
}

TEST_CASE("keys older than their lifetime are renewed behind the request that noticed") {
  World world;
  world.Start();
  REQUIRE_EQ(world.Ask(kA), "yes");
  world.fetcher.Serve(Jwks(kA), world.two.Jwks());
  world.clock.Advance(601s);
  CHECK_EQ(world.Ask(kA, "one"), "yes");  // nobody waits
  CHECK(Eventually([&] { return world.Ask(kA, "two") == "yes"; }));
  CHECK_EQ(world.Ask(kA, "one"), "no");
  CHECK_EQ(world.fetcher.Count(Configuration(kA)), 2);  // the keys may have moved
}

TEST_CASE("a signature that fails asks for new keys in the background") {
  World world;
  world.Start();
  REQUIRE_EQ(world.Ask(kA), "yes");
  world.fetcher.Serve(Jwks(kA), support::JwksOf({&world.one, &world.two}));
  world.store->Suspect(kA);  // within the floor: later
  world.store->Suspect("https://unknown.example");
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), 1);
  world.clock.Advance(10s);
  world.store->Suspect(kA);
  CHECK(Eventually([&] { return world.fetcher.Count(Jwks(kA)) == 2; }));
  for (int i = 0; i < 100; ++i) world.store->Suspect(kA);
  CHECK_EQ(world.Ask(kA, "two"), "yes");
  CHECK_EQ(world.fetcher.Count(Jwks(kA)), 2);
}

TEST_CASE("while the endpoint is down the last good keys serve, for a day") {
  World world;
  world.Start();
  REQUIRE_EQ(world.Ask(kA), "yes");
  world.fetcher.Remove(Jwks(kA));
  world.clock.Advance(601s);
  CHECK_EQ(world.Ask(kA), "yes");
  CHECK(Eventually([&] { return world.HealthOf(kA).last_error != ""; }));
  CHECK(world.HealthOf(kA).has_keys);
  CHECK_EQ(world.HealthOf(kA).keys_age_seconds, doctest::Approx(601));
  // Not "no such key": it may be a new one, and only the issuer knows.
  CHECK_EQ(world.Ask(kA, "two"), "issuer-unavailable");
  world.clock.Advance(24h - 601s);
  CHECK_EQ(world.Ask(kA), "yes");
  world.clock.Advance(1s);
  CHECK_EQ(world.Ask(kA), "issuer-unavailable");
  CHECK_FALSE(world.HealthOf(kA).has_keys);
  // It comes back by itself.
  world.Serve(kA);
  world.clock.Advance(300s);
  CHECK(Eventually([&] { return world.Ask(kA) == "yes"; }));
  CHECK_EQ(world.HealthOf(kA).last_error, "");
}

TEST_CASE("retries of a dead issuer back off") {
  World world;
  world.fetcher.Remove(Configuration(kA));
  world.Start();
  CHECK_EQ(world.Ask(kB), "yes");
  int want = 1;
  CHECK(Eventually([&] { return world.Failures() == want; }));
  for (const auto pause : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
    world.clock.Advance(pause - 1s);
    for (int i = 0; i < 20; ++i) CHECK_EQ(world.Ask(kA), "issuer-unavailable");
    std::this_thread::sleep_for(10ms);
    CHECK_EQ(world.fetcher.Count(Configuration(kA)), want);
    world.clock.Advance(1s);
    ++want;
    CHECK(Eventually([&] {
      CHECK_EQ(world.Ask(kA), "issuer-unavailable");
      return world.fetcher.Count(Configuration(kA)) == want;
    }));
    // The next pause counts from when the failure is noted.
    CHECK(Eventually([&] { return world.Failures() == want; }));
  }
}

TEST_CASE("an issuer that hangs delays neither start nor another issuer") {
  oidc::KeySettings settings;
  settings.workers = 1;
  settings.timeout = 200ms;
  World world(settings);
  world.Hang(Configuration(kA));
  const auto start = schema::Steady::now();
  world.Start();
  CHECK(Eventually([&] { return world.gate.inside() == 1; }));  // the one worker is stuck
  CHECK_EQ(world.Ask(kB), "yes");                               // fetched by the one who asks
  CHECK(schema::Steady::now() - start < 5s);
  // Who needs the hanging one waits for the timeout, and is told so.
  CHECK_EQ(world.Ask(kA), "issuer-unavailable");
  world.gate.Open();
}

TEST_CASE("after a failure nobody waits for the endpoint") {
  World world;
  world.fetcher.Remove(Configuration(kA));
  world.Start();
  CHECK(Eventually([&] { return world.HealthOf(kA).last_error != ""; }));
  world.Hang(Configuration(kA));
  world.clock.Advance(10s);
  CHECK_EQ(world.Ask(kA), "issuer-unavailable");  // wakes the background, which hangs
  CHECK(Eventually([&] { return world.gate.inside() == 1; }));
  const auto start = schema::Steady::now();
  for (int i = 0; i < 100; ++i) CHECK_EQ(world.Ask(kA), "issuer-unavailable");
  CHECK(schema::Steady::now() - start < 2s);
  CHECK_EQ(world.gate.inside(), 1);
  world.gate.Open();
}

TEST_CASE("a crowd does not take all request threads") {
  oidc::KeySettings settings;
  settings.waiters_max = 3;
  World world(settings);
  Gate& gate = world.gate;
  world.fetcher.Serve(Jwks(kA), [&](const schema::FetchRequest&) -> Result<std::string> {
    gate.Pass();
    return world.one.Jwks();
  });
  world.Start();
  CHECK(Eventually([&] { return gate.inside() == 1; }));
  std::atomic<int> yes{0}, busy{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { ++(world.Ask(kA) == "yes" ? yes : busy); });
  CHECK(Eventually([&] { return busy == 5; }));
  gate.Open();
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(yes, 3);
}

TEST_CASE("what a hostile or broken issuer may serve") {
  const struct {
    const char* name;
    std::string configuration, keys;
  } cases[] = {
      {"another issuer's configuration", support::DiscoveryOf(kB), ""},
      {"configuration is HTML", "<html></html>", ""},
      {"configuration of 1 MB", "{\"x\":\"" + std::string(1 << 20, 'x') + "\"}", ""},
      {"keys inside our network",
       R"({"issuer":"https://a.example","jwks_uri":"https://10.0.0.1/jwks"})", ""},
      {"keys over http", R"({"issuer":"https://a.example","jwks_uri":"http://a.example/jwks"})",
       ""},
      {"keys of 1 MB", support::DiscoveryOf(kA),
       "{\"keys\":[],\"x\":\"" + std::string(1 << 20, 'x') + "\"}"},
      {"keys nested", support::DiscoveryOf(kA), std::string(100000, '[')},
      {"keys empty", support::DiscoveryOf(kA), ""},
      {"keys twice", support::DiscoveryOf(kA), R"({"keys":[],"keys":[]})"},
  };
  for (const auto& c : cases) {
    CAPTURE(std::string(c.name));
    World world;
    world.fetcher.Serve(Configuration(kA), c.configuration);
    world.fetcher.Serve(Jwks(kA), c.keys);
    world.Start();
    CHECK_EQ(world.Ask(kA), "issuer-unavailable");
    CHECK_EQ(world.Ask(kB), "yes");
    CHECK_FALSE(world.HealthOf(kA).has_keys);
    CHECK_NE(world.HealthOf(kA).last_error, "");
    CHECK_EQ(world.fetcher.Count("https://10.0.0.1/jwks"), 0);
    CHECK_EQ(world.fetcher.Count("http://a.example/jwks"), 0);
  }
}

TEST_CASE("a bad answer never replaces good keys") {
  World world;
  world.Start();
  REQUIRE_EQ(world.Ask(kA), "yes");
  for (const char* text : {"", "{}", "null", "<html>", R"({"keys":7})"}) {
    world.fetcher.Serve(Jwks(kA), text);
    world.clock.Advance(301s);
    CHECK_EQ(world.Ask(kA), "yes");
    (void)world.Ask(kA, "two");
    CHECK_EQ(world.Ask(kA), "yes");
  }
  CHECK(Eventually([&] { return world.HealthOf(kA).last_error != ""; }));
}

TEST_CASE("each issuer's own trust goes into its requests") {
  World world;
  auto issuer = std::make_shared<oidc::Issuer>(*world.issuers.Find(kA));
  issuer->ca_file = "/etc/a.pem";
  issuer->ca_pem = "PEM";
  issuer->allow_http = true;
  world.issuers.exact[kA] = issuer;
  std::atomic<int> good{0};
  for (const auto& [url, body] : {std::pair{Configuration(kA), support::DiscoveryOf(kA)},
                                  std::pair{Jwks(kA), world.one.Jwks()}})
    world.fetcher.Serve(url, [&good, body = body](const schema::FetchRequest& r) {
      if (r.ca_file == "/etc/a.pem" && r.ca_pem == "PEM" && r.allow_http && r.timeout <= 5000ms &&
          r.timeout > 0ms && r.bytes_max == 256 * 1024)
        ++good;
      return Result<std::string>(body);
    });
  world.Start();
  CHECK_EQ(world.Ask(kA), "yes");
  CHECK_EQ(good, 2);
}

TEST_CASE("pattern issuers: first use, failures remembered, bounded") {
  oidc::KeySettings settings;
  settings.pattern_issuers_max = 3;
  settings.pattern_failures_max = 4;
  World world(settings);
  const auto name = [](int i) { return "https://m.example/t" + std::to_string(i); };
  for (int i = 0; i < 5; ++i) world.Serve(name(i));
  world.Start();
  for (int i = 0; i < 5; ++i) {
    world.clock.Advance(1s);
    CHECK_EQ(world.Ask(name(i)), "yes");
  }
  // The two least recently used made room.
  CHECK_EQ(world.HealthOf(name(0)).url, "absent");
  CHECK_EQ(world.HealthOf(name(1)).url, "absent");
  CHECK(world.HealthOf(name(4)).has_keys);

  // Invented names: each is asked once, then remembered; no more than the bound. The background may
  // renew the others meanwhile.
  const auto visits = [&](int first) {
    int count = 0;
    for (int i = first; i < first + 20; ++i) count += world.fetcher.Count(Configuration(name(i)));
    return count;
  };
  for (int round = 0; round < 3; ++round)
    for (int i = 100; i < 120; ++i) CHECK_EQ(world.Ask(name(i)), "issuer-unavailable");
  CHECK_EQ(visits(100), 4);
  CHECK_EQ(world.Ask(name(4)), "yes");
  world.clock.Advance(300s);
  for (int i = 200; i < 220; ++i) CHECK_EQ(world.Ask(name(i)), "issuer-unavailable");
  CHECK_EQ(visits(200), 4);

  // One that failed and works now.
  world.clock.Advance(300s);
  world.Serve(name(200));
  CHECK_EQ(world.Ask(name(200)), "yes");
}

TEST_CASE("a pattern issuer that found the house full leaves its place again") {
  oidc::KeySettings settings;
  settings.pattern_failures_max = 1;
  settings.waiters_max = 0;
  World world(settings);
  world.Start();
  for (int i = 0; i < 5; ++i)
    CHECK_EQ(world.Ask("https://m.example/t" + std::to_string(i)), "issuer-unavailable");
  CHECK_EQ(world.HealthOf("https://m.example/t4").url, "https://m.example/t4");
}

TEST_CASE("pattern issuers that nobody uses are forgotten, those in use renewed") {
  World world;
  const std::string used = "https://m.example/used", idle = "https://m.example/idle";
  world.Serve(used);
  world.Serve(idle);
  world.Start();
  REQUIRE_EQ(world.Ask(used), "yes");
  REQUIRE_EQ(world.Ask(idle), "yes");
  for (int i = 1; i <= 7; ++i) {
    world.clock.Advance(601s);
    CHECK_EQ(world.Ask(used), "yes");
    CHECK(Eventually([&] {
      return world.fetcher.Count(Jwks(used)) == i + 1 && world.HealthOf(used).keys_age_seconds == 0;
    }));
  }
  CHECK(Eventually([&] {
    (void)world.Ask(used);
    return world.HealthOf(idle).url == "absent";
  }));
  CHECK(world.HealthOf(used).has_keys);
}

TEST_CASE("a clock that is set back stops nothing") {
  World world;
  world.clock.Advance(24h * 365);
  world.Start();
  REQUIRE_EQ(world.Ask(kA), "yes");
  REQUIRE_EQ(world.Ask(kB), "yes");
  world.clock.Set(kNow);
  world.store->Suspect(kA);  // any visit wakes the background, which notices
  CHECK(Eventually([&] { return world.HealthOf(kB).keys_age_seconds == 0; }));
  CHECK_EQ(world.Ask(kA), "yes");
  world.fetcher.Serve(Jwks(kA), world.two.Jwks());
  CHECK(Eventually([&] {
    world.clock.Advance(10s);
    return world.Ask(kA, "two") == "yes";
  }));
}

TEST_CASE("the store stops while an issuer hangs") {
  oidc::KeySettings settings;
  settings.timeout = 100ms;
  World world(settings);
  world.fetcher.Serve(Jwks(kA), [](const schema::FetchRequest& r) -> Result<std::string> {
    std::this_thread::sleep_for(r.timeout);
    return schema::Error{&schema::kFetchFailed, "too slow"};
  });
  for (int i = 0; i < 20; ++i) {
    world.Start();
    world.store.reset();
  }
}

TEST_CASE("the journal tells of failure and recovery, not of every renewal") {
  World world;
  world.fetcher.Remove(Jwks(kA));
  world.Start();
  CHECK(Eventually([&] { return world.HealthOf(kA).last_error != ""; }));
  CHECK(Eventually([&] { return world.HealthOf(kB).has_keys; }));
  world.Serve(kA);
  world.clock.Advance(10s);
  CHECK(Eventually([&] { return world.Ask(kA) == "yes"; }));
  int failed = 0, fetched = 0;
  for (const std::string& line : world.journal.lines()) {
    if (line.find(kA) == std::string::npos) continue;
    failed += line.starts_with("issuer-keys-failed");
    fetched += line.starts_with("issuer-keys-fetched");
  }
  CHECK_EQ(failed, 1);
  CHECK_EQ(fetched, 1);
}

}  // namespace
