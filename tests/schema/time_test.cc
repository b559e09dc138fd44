#include "schema/base/time.h"

#include <doctest/doctest.h>

namespace {

using schema::ParseDuration;
using schema::Time;
using schema::TimeMs;
using namespace std::chrono_literals;

Time At(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }
TimeMs AtMs(std::int64_t ms) { return TimeMs(std::chrono::milliseconds(ms)); }

}  // namespace

TEST_CASE("Rfc3339") {
  CHECK_EQ(schema::Rfc3339(At(0)), "1970-01-01T00:00:00Z");
  CHECK_EQ(schema::Rfc3339(At(951'782'399)), "2000-02-28T23:59:59Z");
  CHECK_EQ(schema::Rfc3339(At(951'782'400)), "2000-02-29T00:00:00Z");
  CHECK_EQ(schema::Rfc3339(At(1'795'255'200)), "2026-11-21T10:00:00Z");
  CHECK_EQ(schema::Rfc3339(At(-1)), "1969-12-31T23:59:59Z");
  CHECK_EQ(schema::Rfc3339(At(253'402'300'799)), "9999-12-31T23:59:59Z");
  CHECK_EQ(schema::Rfc3339(AtMs(1'795'255'200'123)), "2026-11-21T10:00:00.123Z");
  CHECK_EQ(schema::Rfc3339(AtMs(1'795'255'200'007)), "2026-11-21T10:00:00.007Z");
  CHECK_EQ(schema::Rfc3339(AtMs(-1)), "1969-12-31T23:59:59.999Z");
}

TEST_CASE("ParseTime takes a second or a day of the calendar, and nothing else") {
  struct Case {
    std::string_view text;
    std::string_view want;  // "": refused
  };
  const Case cases[] = {
      {"2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"},
      {"2026-11-21", "2026-11-21T00:00:00Z"},
      {"2028-02-29", "2028-02-29T00:00:00Z"},
      {"1970-01-01", "1970-01-01T00:00:00Z"},
      {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"},
      {"2026-02-29", ""},
      {"2026-11-31", ""},
      {"2026-13-01", ""},
      {"2026-00-01", ""},
      {"2026-11-21T24:00:00Z", ""},
      {"2026-11-21T10:00:60Z", ""},
      {"2026-11-21T10:00:00", ""},
      {"2026-11-21T10:00:00z", ""},
      {"2026-11-21T10:00:00.5Z", ""},
      {"2026-11-21T10:00:00+01:00", ""},
      {"2026-11-21T10:00:00Z ", ""},
      {" 2026-11-21", ""},
      {"2026-11-2 ", ""},
      {"2026- 1- 1", ""},
      {"2026-1-1", ""},
      {"21.11.2026", ""},
      {std::string_view("2026-11-21T10:00:00Z\0", 21), ""},
      {"tomorrow", ""},
      {"", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto time = schema::ParseTime(c.text);
    CHECK_EQ(time ? schema::Rfc3339(*time) : "", c.want);
    if (!time) CHECK(time.error().Is(schema::kBadTime));
  }
}

TEST_CASE("ParseDuration takes a whole number and one unit") {
  struct Case {
    std::string_view text;
    std::chrono::milliseconds want;
  };
  const Case kCases[] = {
      {"250ms", 250ms}, {"30s", 30s},
      {"10m", 10min},   {"1h", 1h},
      {"7d", 7 * 24h},  {"0s", 0ms},
      {"007s", 7s},     {"106751991167d", std::chrono::milliseconds(106'751'991'167 * 86'400'000)},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.text);
    const auto got = ParseDuration(c.text);
    REQUIRE(got);
    CHECK_EQ(got->count(), c.want.count());
  }
}

TEST_CASE("ParseDuration refuses everything else") {
  for (const std::string_view text :
       {"", "10", "s", "-5s", "+5s", " 5s", "5s ", "5 s", "1.5h", "1h30m", "5S", "5us", "5w",
        "0x5s", "106751991168d", "99999999999999999999s", "9223372036854775807s"}) {
    CAPTURE(text);
    const auto got = ParseDuration(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().Is(schema::kBadDuration));
  }
}

TEST_CASE("FormatDuration gives text that means the same") {
  CHECK_EQ(schema::FormatDuration(0ms), "0s");
  CHECK_EQ(schema::FormatDuration(1ms), "1ms");
  CHECK_EQ(schema::FormatDuration(1500ms), "1500ms");
  CHECK_EQ(schema::FormatDuration(90s), "90s");
  CHECK_EQ(schema::FormatDuration(10min), "10m");
  CHECK_EQ(schema::FormatDuration(36h), "36h");
  CHECK_EQ(schema::FormatDuration(48h), "2d");
  for (std::int64_t ms = 1; ms < 1'000'000'000'000; ms = ms * 7 + 1) {
    CAPTURE(ms);
    CHECK_EQ(ParseDuration(schema::FormatDuration(std::chrono::milliseconds(ms)))->count(), ms);
  }
}

TEST_CASE("the system's clock is the system's clock") {
  const schema::SystemClock clock;
  const auto before = std::chrono::system_clock::now();
  const TimeMs now = clock.Now();
  CHECK(now + 1ms > before);
  CHECK(now <= std::chrono::system_clock::now());
}

TEST_CASE("ToSeconds rounds towards the past") {
  CHECK(schema::ToSeconds(AtMs(1999)) == At(1));
  CHECK(schema::ToSeconds(AtMs(-1)) == At(-1));
}
