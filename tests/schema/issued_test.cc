#include "schema/log/issued.h"

#include <doctest/doctest.h>

#include "tests/schema/octets.h"

namespace {

using schema::Bytes;

TEST_CASE("issued files lie beside the data tiles") {
  CHECK_EQ(schema::IssuedPath({schema::tile::Kind::kData, 0, 1234067}), "issued/x001/x234/067");
  CHECK_EQ(schema::IssuedPath({schema::tile::Kind::kData, 0, 0, 9}), "issued/000.p/9");
}

TEST_CASE("what was appended is read, unknown outcomes too") {
  Bytes file;
  schema::AppendIssued(file, Bytes{1, 2});
  schema::AppendIssued(file, {});
  schema::AppendIssued(file, Bytes(300, 7));
  CHECK(schema::Equal(schema::BytesView(file).first(9), Octets("000002 0102 000000 00")));
  const auto read = schema::ParseIssued(file);
  REQUIRE(read);
  REQUIRE_EQ(read->size(), 3);
  CHECK(schema::Equal((*read)[0], Bytes{1, 2}));
  CHECK((*read)[1].empty());
  CHECK_EQ((*read)[2].size(), 300);
}

TEST_CASE("what is no file of certificates") {
  const struct {
    const char* name;
    Bytes file;
  } kCases[] = {
      {"empty", {}},
      {"half a length", Octets("0000")},
      {"cut off", Octets("000002 01")},
      {"more than a tile has", Bytes(3 * 257, 0)},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto read = schema::ParseIssued(c.file);
    REQUIRE_FALSE(read);
    CHECK(read.error().Is(schema::tile::kBadTile));
  }
  CHECK(schema::ParseIssued(Bytes(std::size_t{3} * 256, 0)));
}

}  // namespace
