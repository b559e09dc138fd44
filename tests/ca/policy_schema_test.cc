// policy.schema.json is for editors, Policy::Parse is what decides: here they are held together.
#include <doctest/doctest.h>

#include "ca/key_strength.h"
#include "ca/policy.h"
#include "schema/base/file.h"
#include "schema/base/limits.h"
#include "schema/vocabulary.h"

namespace {

using schema::Json;
namespace limits = schema::limits;

Json ReadSchema() {
  const auto text = schema::ReadFile("schema/policy.schema.json");
  REQUIRE(text);
  const auto json = schema::ParseJson(*text, {1 << 16});
  REQUIRE(json);
  return *json;
}

// A policy with every key once.
Json Full() {
  return Json::parse(R"({
    "version": 1,
    "issuers": {"i": {"url": "https://i", "kind": "github-workflow"}},
    "deny": [{"id": "d", "description": "t", "owner": "o", "ticket": "k", "expires": "2027-06-30", "mode": "audit",
              "issuer": "i", "when": {"a": {"any": ["x"]}}}],
    "allow": [{"id": "a", "description": "t", "owner": "o", "ticket": "k", "expires": "2027-06-30", "mode": "enforce",
               "issuer": ["i"], "when": {"a": {"glob": "x*"}},
               "grant": {"per-token": 1, "per-run": 1, "per-identity": {"count": 1, "within": "1h"},
                         "keys": ["ed25519"], "lifetime": "5m", "when": {"b": {"absent": true}}}}]})");
}

// Where each closed object of the schema stands in Full().
struct Object {
  const char* pointer;
  Json::json_pointer schema;
};
std::vector<Object> Objects() {
  return {
      {"", Json::json_pointer("")},
      {"/issuers/i", Json::json_pointer("/$defs/issuer")},
      {"/deny/0", Json::json_pointer("/$defs/deny")},
      {"/allow/0", Json::json_pointer("/$defs/allow")},
      {"/allow/0/grant", Json::json_pointer("/$defs/grant")},
      {"/allow/0/grant/per-identity", Json::json_pointer("/$defs/grant/properties/per-identity")}};
}

TEST_CASE("each object has the keys of its schema, all of them, and no other") {
  const Json schema = ReadSchema();
  REQUIRE(ca::Policy::Parse(Full().dump()));
  for (const Object& object : Objects()) {
    CAPTURE(object.pointer);
    const Json& described = schema.at(object.schema);
    CHECK_EQ(described["additionalProperties"], false);
    const Json full = Full();
    const Json& place = full.at(Json::json_pointer(object.pointer));
    CHECK_EQ(place.size(), described["properties"].size());
    for (const auto& [key, value] : described["properties"].items()) CHECK(place.contains(key));
    Json more = Full();
    more[Json::json_pointer(object.pointer)]["zzzzzzzz"] = 1;
    const auto policy = ca::Policy::Parse(more.dump());
    REQUIRE_FALSE(policy);
    CHECK_NE(policy.error().detail.find("zzzzzzzz: unknown key"), std::string::npos);
  }
}

TEST_CASE("what the schema requires, the parser requires, and nothing more") {
  const Json schema = ReadSchema();
  for (const Object& object : Objects()) {
    const Json& described = schema.at(object.schema);
    const Json required = described.value("required", Json::array());
    for (const auto& [key, value] : described["properties"].items()) {
      const std::string where = std::string(object.pointer) + "/" + key;
      CAPTURE(where);
      Json less = Full();
      less[Json::json_pointer(object.pointer)].erase(key);
      const bool needed = std::find(required.begin(), required.end(), Json(key)) != required.end();
      CHECK_EQ(ca::Policy::Parse(less.dump()).has_value(), !needed);
    }
  }
}

TEST_CASE("ranges and lists of the schema are the parser's") {
  const Json schema = ReadSchema();
  const std::pair<const char*, const char*> ranges[] = {
      {"/allow/0/grant/per-token", "/$defs/grant/properties/per-token"},
      {"/allow/0/grant/per-run", "/$defs/grant/properties/per-run"},
      {"/allow/0/grant/per-identity/count",
       "/$defs/grant/properties/per-identity/properties/count"}};
  for (const auto& [pointer, described] : ranges) {
    const std::string where = pointer;
    CAPTURE(where);
    const std::int64_t least = schema.at(Json::json_pointer(described))["minimum"];
    const std::int64_t most = schema.at(Json::json_pointer(described))["maximum"];
    for (const std::int64_t value : {least - 1, least, most, most + 1}) {
      Json policy = Full();
      policy[Json::json_pointer(where)] = value;
      CHECK_EQ(ca::Policy::Parse(policy.dump()).has_value(), value >= least && value <= most);
    }
  }
  CHECK_EQ(schema["properties"]["issuers"]["maxProperties"], limits::kPolicyIssuers);
  CHECK_EQ(schema["properties"]["allow"]["maxItems"], limits::kPolicyRules);
  CHECK_EQ(schema["$defs"]["conditions"]["maxProperties"], limits::kPolicyConditions);
  CHECK_EQ(schema["$defs"]["text"]["maxLength"], limits::kPolicyTextBytes);
  CHECK_EQ(schema["$defs"]["scalar"]["maxLength"], limits::kClaimTextBytes);
}

TEST_CASE("names in the schema are those of the tables") {
  const Json schema = ReadSchema();
  Json kinds = Json::array();
  for (const schema::Vocabulary& row : schema::Vocabularies()) kinds.push_back(row.kind);
  CHECK_EQ(schema["$defs"]["issuer"]["properties"]["kind"]["enum"], kinds);
  Json keys = Json::array();
  for (const std::string_view name : ca::AlgorithmNames()) keys.push_back(name);
  CHECK_EQ(schema["$defs"]["grant"]["properties"]["keys"]["items"]["enum"], keys);
}

}  // namespace
