// chancery.schema.json is for editors, ParseConfig is what decides: here they are held together.
#include <doctest/doctest.h>

#include <vector>

#include "schema/base/document.h"
#include "schema/base/file.h"
#include "tests/schema/settings.h"

namespace {

using schema::Json;

Json ReadSchema() {
  const auto text = schema::ReadFile("schema/chancery.schema.json");
  REQUIRE(text);
  const auto json = schema::ParseJson(*text, {1 << 16});
  REQUIRE(json);
  return *json;
}

// One object of the schema that has keys of its own.
struct Object {
  std::string pointer;  // into a configuration
  Json schema;
};

void Collect(const std::string& pointer, const Json& node, std::vector<Object>& out) {
  if (!node.contains("properties")) return;
  out.push_back({pointer, node});
  for (const auto& [key, value] : node["properties"].items()) {
    Collect(pointer + "/" + key, value, out);
  }
}

std::vector<Object> Objects() {
  std::vector<Object> out;
  Collect("", ReadSchema(), out);
  return out;
}

TEST_CASE("every object of the JSON Schema is closed, and ParseConfig closes it too") {
  const auto objects = Objects();
  CHECK_EQ(objects.size(), 10);
  for (const Object& object : objects) {
    CAPTURE(object.pointer);
    CHECK_EQ(object.schema["additionalProperties"], false);
    const auto config = Parse(With(WithParts(), object.pointer + "/zzzzzzzz", "1"));
    REQUIRE_FALSE(config);
    CHECK_NE(config.error().detail.find("zzzzzzzz: unknown key"), std::string::npos);
  }
}

TEST_CASE("what the JSON Schema requires is what ParseConfig requires") {
  std::size_t required = 0;
  for (const Object& object : Objects()) {
    for (const Json& key : object.schema.value("required", Json::array())) {
      const std::string pointer = object.pointer + "/" + key.get<std::string>();
      CAPTURE(pointer);
      const auto config = Parse(With(WithParts(), pointer, ""));
      REQUIRE_FALSE(config);
      CHECK_NE(config.error().detail.find("is missing"), std::string::npos);
      ++required;
    }
  }
  CHECK_EQ(required, 19);
}

TEST_CASE("the JSON Schema's defaults are ParseConfig's, and no key is unknown to it") {
  const auto minimal = Parse(WithParts());
  REQUIRE(minimal);
  std::size_t defaults = 0;
  for (const Object& object : Objects()) {
    for (const auto& [key, value] : object.schema["properties"].items()) {
      const std::string pointer = object.pointer + "/" + key;
      CAPTURE(pointer);
      if (value.contains("default")) {
        const auto config = Parse(With(WithParts(), pointer, value["default"].dump()));
        REQUIRE(config);
        CHECK_EQ(Described(*config), Described(*minimal));
        ++defaults;
      } else if (!value.contains("properties")) {
        const auto config = Parse(With(WithParts(), pointer, "null"));
        REQUIRE_FALSE(config);
        CHECK_EQ(config.error().detail.find("unknown key"), std::string::npos);
      }
    }
  }
  CHECK_EQ(defaults, 27);
}

TEST_CASE("the JSON Schema's bounds are ParseConfig's") {
  for (const Object& object : Objects()) {
    for (const auto& [key, value] : object.schema["properties"].items()) {
      if (!value.contains("maximum")) continue;
      const std::string pointer = object.pointer + "/" + key;
      CAPTURE(pointer);
      const auto accepts = [&](std::int64_t number) {
        return Parse(With(Minimal(), pointer, std::to_string(number))).has_value();
      };
      CHECK(accepts(value["minimum"]));
      CHECK(accepts(value["maximum"]));
      CHECK_FALSE(accepts(value["minimum"].get<std::int64_t>() - 1));
      CHECK_FALSE(accepts(value["maximum"].get<std::int64_t>() + 1));
    }
  }
}

}  // namespace
