#include "tests/bench/filling.h"

#include <algorithm>

#include "ca/profile.h"

namespace bench {

using schema::Bytes;

namespace {

constexpr std::uint64_t kEach = 100;   // certificates of one workflow
constexpr std::uint64_t kApart = 100;  // milliseconds

std::string Digits(std::uint64_t number) {
  std::string out = std::to_string(number);
  return std::string(7 - out.size(), '0') + out;
}

}  // namespace

std::uint64_t Mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

std::string RequestId(std::uint64_t ms, std::uint64_t random) {
  Bytes id;
  for (int shift = 40; shift >= 0; shift -= 8) id.push_back(static_cast<std::uint8_t>(ms >> shift));
  for (int shift = 24; shift >= 0; shift -= 8) {
    id.push_back(static_cast<std::uint8_t>(random >> shift));
  }
  return schema::Hex(id);
}

Facts FactsOf(std::uint64_t index, std::uint64_t size) {
  const std::uint64_t random = Mix(index);
  Facts facts;
  facts.workflow = Digits(random % std::max<std::uint64_t>(size / kEach, 1));
  facts.san = "https://ci.example/t" + facts.workflow + "/.build.yml@refs/heads/main";
  facts.subject = "repo:t" + facts.workflow + ":ref:refs/heads/main";
  facts.issuer = "https://token" + std::to_string(random % 3) + ".example";
  for (std::uint64_t i = 0; i < 20; ++i) {
    facts.serial.push_back(static_cast<std::uint8_t>(Mix(random + 1 + i / 8) >> (i % 8 * 8)));
  }
  facts.serial[0] = static_cast<std::uint8_t>((facts.serial[0] & 0x3f) | 0x40);
  facts.request_id = RequestId(index * kApart, random);
  return facts;
}

Template::Template(log_test::House& house) {
  const Facts facts = FactsOf(0, 1);
  const ca::Grant grant = house.MakeGrantFor(facts.san);
  tbs_ = schema::ToBytes(grant.tbs.tbs());
  const auto read = Must(ca::ReadTbs(tbs_));
  serial_at_ = At(read.serial);
  workflow_at_ = At(schema::ToBytes(schema::AsBytes(facts.workflow)));
}

const Bytes& Template::Tbs(const Facts& facts) {
  std::ranges::copy(facts.serial, tbs_.begin() + serial_at_);
  std::ranges::copy(facts.workflow, tbs_.begin() + workflow_at_);
  return tbs_;
}

std::ptrdiff_t Template::At(const Bytes& part) const {
  const auto found = std::search(tbs_.begin(), tbs_.end(), part.begin(), part.end());
  MUST(found != tbs_.end());
  return found - tbs_.begin();
}

}  // namespace bench
