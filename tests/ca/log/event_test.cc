#include "ca/log/event.h"

#include <doctest/doctest.h>

#include "schema/base/limits.h"

namespace {

using ca::EventText;
using schema::Json;

constexpr schema::TimeMs kTime{std::chrono::milliseconds(1795255200123)};

struct Case {
  const char* name;
  const char* event;
  std::optional<std::uint64_t> index;
  const char* want;
};

const Case kCases[] = {
    {"only a type", R"({"type":"started"})", std::nullopt,
     R"({"time":"2026-11-21T10:00:00.123Z","type":"started"})"},
    {"an index", R"({"type":"granted"})", 7,
     R"({"leaf_index":7,"time":"2026-11-21T10:00:00.123Z","type":"granted"})"},
    {"members on every side", R"({"a":1,"leaf_indey":2,"m":[{}],"timf":3,"type":"x","z":null})", 0,
     R"({"a":1,"leaf_index":0,"leaf_indey":2,"m":[{}],"time":"2026-11-21T10:00:00.123Z","timf":3,"type":"x","z":null})"},
    {"given time and index are replaced", R"({"leaf_index":99,"time":"never","type":"x"})", 1,
     R"({"leaf_index":1,"time":"2026-11-21T10:00:00.123Z","type":"x"})"},
    {"names are escaped", R"({"a\"b":"c\nd","type":"x"})", std::nullopt,
     R"({"a\"b":"c\nd","time":"2026-11-21T10:00:00.123Z","type":"x"})"},
};

TEST_CASE("an event's text is canonical") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto text = EventText::Make(Json::parse(c.event));
    REQUIRE(text);
    const std::string got(schema::AsText(text->At(kTime, c.index)));
    CHECK_EQ(got, c.want);
    CHECK_EQ(Json::parse(got).dump(), got);
  }
}

TEST_CASE("what is no event is refused") {
  CHECK_FALSE(EventText::Make(Json::array()));
  CHECK_FALSE(EventText::Make(Json::object()));
  CHECK_FALSE(EventText::Make({{"type", 7}}));
  const std::string large(schema::limits::kEventBytes, 'x');
  const auto refused = EventText::Make({{"type", "x"}, {"a", large}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kBadEvent));
}

TEST_CASE("the largest event still fits an entry") {
  for (std::size_t size = schema::limits::kEventBytes - 150; size < schema::limits::kEventBytes;
       ++size) {
    const auto text = EventText::Make({{"type", "x"}, {"a", std::string(size, 'x')}});
    if (!text) continue;
    CHECK_LE(text->At(kTime, ~std::uint64_t{0}).size(), schema::limits::kEventBytes);
  }
}

TEST_CASE("octets that are not UTF-8 do not stop an event") {
  const auto text = EventText::Make({{"type", "x"}, {"a", "\xff\xfe"}});
  REQUIRE(text);
  CHECK_EQ(Json::parse(schema::AsText(text->At(kTime, std::nullopt)))["a"],
           "\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
