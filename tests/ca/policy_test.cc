#include "ca/policy.h"

#include <doctest/doctest.h>

#include "schema/base/file.h"

namespace {

TEST_CASE("the shipped example is a policy") {
  const auto text = schema::ReadFile("config/policy.yaml");
  REQUIRE(text);
  const auto policy = ca::Policy::Parse(*text);
  if (!policy) FAIL(policy.error().Describe());
}

}  // namespace
