// ceremony.schema.json is for editors, ParsePlan is what decides: here they are held together.
#include "ca/ceremony/plan.h"

#include <doctest/doctest.h>

#include "schema/base/file.h"
#include "schema/base/json.h"
#include "tests/ca/ceremony/stage.h"

namespace {

using ca::ceremony::ParsePlan;
using schema::Json;

// A plan with every key once, in the form that makes new CAs, and in the form that finds old ones.
Json Full(bool there) {
  Json plan = Json::parse(R"({
    "version": 1, "name": "n", "witnesses": ["w"], "module-env": {"A": "b"},
    "root": {"key": "pkcs11:a", "subject": {"organization": "o", "common-name": "r"}, "lifetime": "10d",
             "from": "2026-12-01"},
    "previous-root": {"certificate": "p.pem", "key": "pkcs11:p", "lifetime": "10d", "from": "2026-12-01"},
    "issuing": {"key": "pkcs11:b", "subject": {"organization": "o", "common-name": "i"}, "lifetime": "10d",
                "from": "2026-12-01"},
    "log": {"key": "pkcs11:c"},
    "precertificate": {"key": "file:d", "subject": {"organization": "o", "common-name": "p"},
                       "lifetime": "10d", "from": "2026-12-01"},
    "timestamp": {"key": "file:e", "subject": {"organization": "o", "common-name": "t"},
                  "lifetime": "10d", "from": "2026-12-01"}})");
  if (there) {
    plan["root"] = {{"key", "pkcs11:a"}, {"certificate", "r.pem"}};
    plan["issuing"].erase("subject");
    plan["issuing"]["renews"] = "i.pem";
  }
  return plan;
}

struct Object {
  const char* pointer;  // in Full
  const char* schema;
  bool there;
};
const Object kObjects[] = {
    {"", "", false},
    {"/root", "/$defs/root", false},
    {"/root", "/$defs/root-there", true},
    {"/root/subject", "/$defs/subject", false},
    {"/previous-root", "/$defs/previous-root", false},
    {"/issuing", "/$defs/issuing", false},
    {"/issuing", "/$defs/issuing-renewed", true},
    {"/log", "/$defs/log", false},
    {"/precertificate", "/$defs/precertificate", false},
    {"/timestamp", "/$defs/timestamp", false},
};

TEST_CASE("each object has the keys of its schema, needs those it requires, and takes no other") {
  const auto text = schema::ReadFile("schema/ceremony.schema.json");
  REQUIRE(text);
  const Json schema = Json::parse(*text);
  for (const Object& object : kObjects) {
    CAPTURE(object.schema);
    const Json::json_pointer place(object.pointer);
    const Json& described = schema.at(Json::json_pointer(object.schema));
    const Json full = Full(object.there);
    REQUIRE(ParsePlan(full.dump(), "/"));
    CHECK_EQ(described["additionalProperties"], false);
    CHECK_EQ(full.at(place).size(), described["properties"].size());
    for (const auto& property : described["properties"].items()) {
      const std::string& key = property.key();
      CAPTURE(key);
      CHECK(full.at(place).contains(key));
      Json less = full;
      less[place].erase(key);
      const auto& required = described["required"];
      const bool needed = std::find(required.begin(), required.end(), Json(key)) != required.end();
      CHECK_EQ(ParsePlan(less.dump(), "/").has_value(), !needed);
    }
    Json more = full;
    more[place]["zzzzzzzz"] = 1;
    const auto plan = ParsePlan(more.dump(), "/");
    REQUIRE_FALSE(plan);
    CHECK_NE(plan.error().detail.find("zzzzzzzz: unknown key"), std::string::npos);
  }
}

TEST_CASE("values that cannot be meant are refused, by their paths") {
  struct Case {
    const char* pointer;
    Json value;
    const char* want;
  };
  const Case cases[] = {
      {"/version", 2, "version"},
      {"/witnesses", Json::array(), "wanted 1 to 32 names"},
      {"/witnesses", {"a", "a"}, "twice"},
      {"/witnesses", {"a\nb"}, "control character"},
      {"/name", std::string(65, 'x'), "64 octets"},
      {"/module-env", {{"1", "x"}}, "environment variable"},
      {"/root", "x", "wanted a map"},
      {"/root/key", "file:root.key", "root.key"},
      {"/root/subject/common-name", "", "root.subject.common-name"},
      {"/root/lifetime", "30m", "1h to 9150d"},
      {"/root/lifetime", "9151d", "1h to 9150d"},
      {"/root/from", "tomorrow", "wanted 2026-12-01"},
      {"/issuing/key", "pkcs11:a", "two of its keys have one URI"},
      {"/issuing/key", "file:issuing.key", "issuing.key"},
      {"/issuing/subject/common-name", "r", "two of its CAs have one subject"},
      {"/issuing/renews", "x.pem", "issuing.subject: unknown key"},
      {"/root/certificate", "x.pem", "unknown key"},
      {"/timestamp/key", "file:d", "two of its keys have one URI"},
      {"/timestamp/subject/common-name", "r", "two of its CAs have one subject"},
      {"/log/key", "log.key", "'pkcs11:…' or 'file:PATH'"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.pointer);
    Json plan = Full(false);
    plan[Json::json_pointer(c.pointer)] = c.value;
    const auto read = ParsePlan(plan.dump(), "/");
    REQUIRE_FALSE(read);
    CAPTURE(read.error().detail);
    CHECK_NE(read.error().detail.find(c.want), std::string::npos);
  }
}

TEST_CASE("paths start at the plan's directory") {
  const auto plan = ParsePlan(Full(true).dump(), "/etc/x");
  REQUIRE(plan);
  CHECK_EQ(plan->root.certificate, "/etc/x/r.pem");
  CHECK_EQ(plan->issuing.renews, "/etc/x/i.pem");
  CHECK_EQ(plan->previous_root->certificate, "/etc/x/p.pem");
  CHECK_EQ(plan->precertificate->key, "file:/etc/x/d");
}

TEST_CASE("the shipped plan is one") {
  const auto text = schema::ReadFile("config/ceremony.yaml");
  REQUIRE(text);
  const auto plan = ParsePlan(*text, "config");
  if (!plan) FAIL(plan.error().Describe());
  CHECK_EQ(plan->witnesses.size(), 2);
}

}  // namespace
