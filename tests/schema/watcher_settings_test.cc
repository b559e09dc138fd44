#include "schema/watcher_settings.h"

#include <doctest/doctest.h>

#include "tests/schema/settings.h"

namespace {

using schema::Json;
using schema::ShipSettings;

constexpr const char* kWitness =
    "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
constexpr const char* kLog = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

Json Witness(const Json& changes = Json::object()) {
  Json out = {{"key", kWitness}, {"url", "https://witness.example"}};
  out.update(changes);
  return out;
}

Json Settings(Json witnesses, Json quorum, Json ship = nullptr) {
  Json settings = Minimal();
  if (!witnesses.is_null()) settings["log"]["witnesses"] = std::move(witnesses);
  if (!quorum.is_null()) settings["log"]["witness-quorum"] = std::move(quorum);
  if (!ship.is_null()) settings["log"]["ship"] = std::move(ship);
  return settings;
}

schema::Result<schema::WatcherSettings> Read(const Json& settings) {
  const std::string text = settings.dump();
  TRY(schema::ParseConfig(text, "/etc/chancery/chancery.yaml"));
  return schema::ParseWatchers(text, "/etc/chancery/chancery.yaml");
}

TEST_CASE("witnesses and places") {
  const auto watchers =
      Read(Settings(Json::array({Witness({{"ca", "root.pem"}})}), 1,
                    Json::array({{{"file", "audit/c.jsonl"}},
                                 {{"syslog", true}},
                                 {{"url", "http://127.0.0.1:9/c"}, {"ca", "/r"}}})));
  REQUIRE(watchers);
  REQUIRE_EQ(watchers->witnesses.size(), 1);
  CHECK_EQ(watchers->witnesses[0].key.Text(), kWitness);
  CHECK_EQ(watchers->witnesses[0].url, "https://witness.example");
  CHECK_EQ(watchers->witnesses[0].ca, "/etc/chancery/root.pem");
  CHECK_EQ(watchers->quorum, 1);
  REQUIRE_EQ(watchers->ship.size(), 3);
  CHECK_EQ(watchers->ship[0].target, "/etc/chancery/audit/c.jsonl");
  CHECK(watchers->ship[1].to == ShipSettings::To::kSyslog);
  CHECK_EQ(watchers->ship[2].target, "http://127.0.0.1:9/c");
  CHECK_EQ(watchers->ship[2].ca, "/r");

  const auto none = Read(Minimal());
  REQUIRE(none);
  CHECK(none->witnesses.empty());
  CHECK(none->ship.empty());
  CHECK_EQ(none->quorum, 0);
}

TEST_CASE("what cannot be meant is refused, with its place") {
  const Json one = Json::array({Witness()});
  const auto changed = [](const Json& changes) { return Json::array({Witness(changes)}); };
  const auto ship = [](const Json& place) {
    return Settings(nullptr, nullptr, Json::array({place}));
  };
  Json many = Json::array();
  for (int i = 0; i < 17; ++i) many.push_back(Witness());
  const struct {
    std::string_view name;
    Json settings;
    std::string_view said;
  } kCases[] = {
      {"witnesses without a quorum", Settings(one, nullptr), "log: 'witness-quorum' is missing"},
      {"a quorum of nobody", Settings(nullptr, 1), "log.witness-quorum: is of log.witnesses"},
      {"a quorum of none", Settings(one, 0), "log.witness-quorum"},
      {"more than there are", Settings(one, 2), "log.witness-quorum"},
      {"no witness", Settings(Json::array(), 1), "log.witnesses: wanted a list of 1 to 16"},
      {"seventeen", Settings(many, 1), "log.witnesses: wanted a list of 1 to 16"},
      {"one that is no map", Settings(Json::array({"x"}), 1),
       "log.witnesses[0]: wanted key and url"},
      {"one twice", Settings(Json::array({Witness(), Witness()}), 1),
       "log.witnesses[1]: is a witness"},
      {"no key", Settings(Json::array({{{"url", "https://w"}}}), 1),
       "log.witnesses[0]: 'key' is missing"},
      {"no verifier key", Settings(changed({{"key", "x"}}), 1),
       "log.witnesses[0].key: wanted NAME"},
      {"a log's key", Settings(changed({{"key", kLog}}), 1), "log.witnesses[0].key: is a log's"},
      {"http", Settings(changed({{"url", "http://witness.example"}}), 1), "log.witnesses[0].url"},
      {"a last slash", Settings(changed({{"url", "https://w/"}}), 1), "log.witnesses[0].url"},
      {"a user", Settings(changed({{"url", "https://u@w"}}), 1), "log.witnesses[0].url"},
      {"an unknown key", Settings(changed({{"uri", "x"}}), 1), "log.witnesses[0].uri: unknown key"},
      {"a place that is none", ship(Json::object()), "log.ship[0]: wanted one of"},
      {"two places in one", ship({{"file", "a"}, {"syslog", true}}), "log.ship[0]: wanted one of"},
      {"syslog off", ship({{"syslog", false}}), "log.ship[0].syslog"},
      {"a ca of a file", ship({{"file", "a"}, {"ca", "b"}}), "log.ship[0]: has a ca"},
      {"a place that is no URL", ship({{"url", "audit"}}), "log.ship[0].url"},
      {"a place twice",
       Settings(nullptr, nullptr, Json::array({{{"file", "a"}}, {{"file", "./a"}}})),
       "log.ship[1]: is a place"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto config = Read(c.settings);
    REQUIRE_FALSE(config);
    CAPTURE(config.error().detail);
    CHECK_NE(config.error().detail.find(c.said), std::string::npos);
  }
}

}  // namespace
