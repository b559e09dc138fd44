#include "schema/base/result.h"

#include <doctest/doctest.h>

#include <memory>
#include <type_traits>

namespace {

using schema::Error;
using schema::Outcome;
using schema::Result;

constexpr schema::ErrorKind kOdd{"odd", schema::Fault::kCaller, "send an even number"};

Result<int> Half(int n) {
  if (n % 2 != 0) return Error{&kOdd, std::to_string(n)};
  return n / 2;
}

Result<int> Quarter(int n) {
  TRY(const int half, Half(n));
  TRY(auto quarter, Half(half));
  return quarter;
}

Outcome CheckEven(int n) {
  TRY(Half(n));
  return schema::Ok();
}

}  // namespace

TEST_CASE("TRY hands on the value or the error") {
  CHECK_EQ(*Quarter(12), 3);
  const auto bad = Quarter(6);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().Is(kOdd));
  CHECK_EQ(bad.error().detail, "3");
  CHECK(CheckEven(2).has_value());
  CHECK_FALSE(CheckEven(1).has_value());
}

TEST_CASE("a value that only moves passes through") {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto pass = [&]() -> Result<std::unique_ptr<int>> {
    TRY(auto value, make());
    return value;
  };
  CHECK_EQ(**pass(), 7);
  static_assert(!std::is_default_constructible_v<Result<int>>);
}

TEST_CASE("Describe shows what there is") {
  CHECK_EQ((Error{&kOdd, "3"}.Describe()), "odd: send an even number (3)");
  CHECK_EQ((Error{&kOdd, ""}.Describe()), "odd: send an even number");
}
