#include "ca/bundle.h"

#include <doctest/doctest.h>

#include <fstream>

#include "ca/log/sqlite.h"
#include "tests/ca/log/house.h"

namespace {

using log_test::TempDir;
using schema::Bytes;

TEST_CASE("what was committed is there for the next who opens it") {
  TempDir dir;
  const auto path = dir.path() / "bundle";
  {
    const auto bundle = ca::Bundle::OpenToWrite(path);
    REQUIRE(bundle);
    REQUIRE((*bundle)->Put("a/one", Bytes{1}));
    REQUIRE((*bundle)->Put("a/two", Bytes{2, 2}));
    REQUIRE((*bundle)->Put("b/%_", Bytes{}));
    REQUIRE((*bundle)->Commit());
    REQUIRE((*bundle)->Put("a/one", Bytes{3}));
    REQUIRE((*bundle)->Remove("a/t"));
    CHECK_EQ((*bundle)->Read("a/one")->value(), Bytes{3});
    // Not committed: as if it had not been.
  }
  const auto bundle = ca::Bundle::Open(path);
  REQUIRE(bundle);
  CHECK_EQ((*bundle)->Read("a/one")->value(), Bytes{1});
  CHECK_EQ((*bundle)->Read("a/two")->value(), Bytes{2, 2});
  CHECK_EQ((*bundle)->Read("b/%_")->value(), Bytes{});
  CHECK_FALSE((*bundle)->Read("a/t")->has_value());
  CHECK_EQ(*(*bundle)->Find("a/*"), std::vector<std::string>{"a/one", "a/two"});
}

TEST_CASE("what is removed are the files that start with these characters, and no others") {
  TempDir dir;
  const auto bundle = ca::Bundle::OpenToWrite(dir.path() / "bundle");
  REQUIRE(bundle);
  for (const char* name : {"t/000.p/1", "t/000.p/2", "t/000", "t/0_0.p/1"}) {
    REQUIRE((*bundle)->Put(name, Bytes{1}));
  }
  REQUIRE((*bundle)->Remove("t/000.p/"));
  REQUIRE((*bundle)->Commit());
  CHECK_EQ(*(*bundle)->Find("*"), std::vector<std::string>{"t/000", "t/0_0.p/1"});
}

TEST_CASE("what is no bundle is refused") {
  TempDir dir;
  const auto path = dir.path() / "bundle";
  CHECK_FALSE(ca::Bundle::Open(path));
  { std::ofstream(path) << "not a database, but long enough to have a header of its own"; }
  CHECK_FALSE(ca::Bundle::Open(path));
  const auto other = dir.path() / "other";
  {
    const auto connection = ca::sqlite::Connection::Open(other, {.write = true});
    REQUIRE((*connection)->Execute("CREATE TABLE t(x)"));
  }
  const auto opened = ca::Bundle::Open(other);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().Is(ca::kBadBundle));
}

TEST_CASE("a file that another tool compressed is refused") {
  TempDir dir;
  const auto path = dir.path() / "bundle";
  {
    const auto bundle = ca::Bundle::OpenToWrite(path);
    REQUIRE((*bundle)->Put("a", Bytes{1, 2, 3}));
    REQUIRE((*bundle)->Commit());
    const auto connection = ca::sqlite::Connection::Open(path, {.write = true});
    REQUIRE((*connection)->Execute("UPDATE sqlar SET sz=10"));
  }
  const auto bundle = ca::Bundle::Open(path);
  REQUIRE(bundle);
  const auto read = (*bundle)->Read("a");
  REQUIRE_FALSE(read);
  CHECK(read.error().Is(ca::kBadBundle));
}

}  // namespace
