#include "ca/log/kept.h"

#include <doctest/doctest.h>

#include <string>

#include "ca/log/sqlite.h"
#include "schema/base/bytes.h"

namespace {

using schema::Bytes;

// Octets that do not repeat soon.
Bytes Noise(std::size_t size, std::uint32_t seed) {
  Bytes out(size);
  for (auto& octet : out) {
    seed = seed * 1664525 + 1013904223;
    octet = static_cast<std::uint8_t>(seed >> 24);
  }
  return out;
}

// 43 octets of the leaf have no counterpart.
Bytes Leaf(const Bytes& certificate) {
  Bytes leaf = Noise(43, 9);
  leaf.insert(leaf.end(), certificate.begin(), certificate.end());
  return leaf;
}

Bytes With(Bytes bytes, std::size_t at, std::size_t count) {
  for (std::size_t i = at; i < at + count; ++i) bytes[i] = static_cast<std::uint8_t>(~bytes[i]);
  return bytes;
}

TEST_CASE("what is kept is restored with its leaf") {
  const Bytes noise = Noise(1500, 1);
  Bytes longer = noise;
  const Bytes tail = Noise(200, 2);
  longer.insert(longer.end(), tail.begin(), tail.end());
  Bytes large = Noise(70000, 3);
  large[0] = 0x30;
  const struct {
    const char* name;
    Bytes leaf, certificate;
    std::size_t size_max;
  } kCases[] = {
      {"the same", Leaf(noise), noise, 5},
      {"another beginning", Leaf(noise), With(noise, 0, 4), 13},
      {"one octet within", Leaf(noise), With(noise, 700, 1), 10},
      {"two octets near each other", Leaf(noise), With(With(noise, 700, 1), 704, 1), 14},
      {"more at the end", Leaf(noise), longer, 205},
      {"less at the end", Leaf(longer), noise, 5},
      {"nothing alike", Leaf(noise), Noise(1500, 4), 1505},
      {"no leaf", {}, noise, 1505},
      {"a leaf of a few octets", Noise(20, 5), noise, 1505},
      {"one octet", Leaf(noise), {7}, 6},
      {"more than a length can say", Leaf(noise), large, 70000},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const Bytes kept = ca::Keep(c.leaf, c.certificate);
    CHECK(kept.size() <= c.size_max);
    const auto restored = ca::Restore(c.leaf, kept);
    REQUIRE(restored);
    CHECK(schema::Equal(restored->view(), c.certificate));
  }
}

TEST_CASE("a certificate that an older version kept is whole") {
  const Bytes whole = {0x30, 0x02, 0x05, 0x00};
  const auto restored = ca::Restore(Leaf(Noise(100, 1)), whole);
  REQUIRE(restored);
  CHECK(schema::Equal(restored->view(), whole));
}

TEST_CASE("what Keep did not write is damage") {
  const Bytes leaf = Leaf(Noise(100, 1));
  const struct {
    const char* name;
    Bytes kept;
  } kCases[] = {
      {"nothing", {}},
      {"no run", {0x00}},
      {"only empty runs", {0x00, 0, 0, 0, 0}},
      {"another form", {0x01, 0, 1, 0, 0}},
      {"half a length", {0x00, 0}},
      {"one length", {0x00, 0, 1}},
      {"octets that are missing", {0x00, 0, 1, 0, 2, 7}},
      {"more than the leaf has", {0x00, 0, 101, 0, 0}},
      {"behind the leaf", {0x00, 0, 100, 0, 1, 7, 0, 1, 0, 0}},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto restored = ca::Restore(leaf, c.kept);
    REQUIRE_FALSE(restored);
    CHECK(restored.error().kind == &ca::sqlite::kBroken);
  }
}

}  // namespace
