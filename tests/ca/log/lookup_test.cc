// Keys on their way from the new ones through the small index into the large one.
#include "ca/log/lookup.h"

#include <doctest/doctest.h>

#include "ca/log/sqlite.h"
#include "ca/log/store.h"
#include "tests/ca/log/house.h"

namespace {

using schema::Hash;

constexpr std::uint64_t kMergeCertificates = 8192;
constexpr int kSlices = 32;

Hash KeyOf(std::uint64_t index) { return log_test::HashOf(std::to_string(index)); }
std::string SerialOf(std::uint64_t index) {
  Hash hash = KeyOf(index);
  hash[0] &= 0x7f;
  return schema::Hex(schema::BytesView(hash).first(20));
}

TEST_CASE("each key is found on its way, and comes into the large index") {
  log_test::TempDir dir;
  MUST(ca::OpenStore(dir.path() / "db"));  // makes the tables
  const auto connection = ca::sqlite::Connection::Open(dir.path() / "db", {.write = true});
  REQUIRE(connection);
  REQUIRE((*connection)->Execute("PRAGMA synchronous=OFF"));
  auto lookup = ca::Lookup::Open(**connection);
  REQUIRE(lookup);
  const auto found = [&](std::uint64_t index) {
    const auto id = static_cast<std::int64_t>(index);
    const auto serials = (*lookup)->FindSerial(SerialOf(index));
    const auto tokens = (*lookup)->FindToken(KeyOf(index));
    return serials && tokens && *serials == std::vector{id} && *tokens == std::vector{id};
  };
  std::uint64_t size = 0;
  // A merge, and half of the next one's keys later a slice.
  for (int merge = 0; merge < kSlices + 2; ++merge) {
    REQUIRE((*connection)->Execute("BEGIN"));
    for (int half = 0; half < 2; ++half) {
      for (std::uint64_t end = size + kMergeCertificates / 2; size < end; ++size) {
        const auto id = static_cast<std::int64_t>(size);
        REQUIRE((*lookup)->AddLeaf(ca::LeafPrefix(KeyOf(size)), id));
        REQUIRE((*lookup)->AddSerial(SerialOf(size), id));
        REQUIRE((*lookup)->AddToken(KeyOf(size), id));
      }
      REQUIRE((*lookup)->Merge(size));
    }
    REQUIRE((*connection)->Execute("COMMIT"));
    for (const std::uint64_t back : {1UL, kMergeCertificates - 1, kMergeCertificates + 7, size}) {
      if (back <= size) CHECK(found(size - back));
    }
  }
  const auto count = [&](const std::string& what) {
    return static_cast<std::uint64_t>(*(*connection)->Ask("SELECT count(*) FROM " + what));
  };
  const std::string first = " WHERE id < " + std::to_string(kMergeCertificates);
  CHECK_EQ(count("lookup" + first), 3 * kMergeCertificates);
  CHECK_EQ(count("lookup_middle" + first), 0);
  CHECK_EQ(count("lookups"), 3 * size);
  // Of the last merges it has what they brought, of those before less and less.
  CHECK_GT(count("lookup_middle"), size);
  CHECK_LT(count("lookup_middle"), 2 * size);
  CHECK_FALSE(found(size));
}

}  // namespace
