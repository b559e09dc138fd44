#include "schema/base/time.h"

#include <time.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace schema {

const ErrorKind kBadDuration{
    "bad-duration", Fault::kUs,
    "write a duration as a whole number and one unit: 250ms, 30s, 10m, 1h, 7d"};

const ErrorKind kBadTime{"bad-time", Fault::kCaller,
                         "write a time as 2026-11-21T10:00:00Z or 2026-11-21"};

namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t ms;
};
// Longest first, so that FormatDuration finds the shortest text.
constexpr std::array<Unit, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

std::string DateAndTime(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(t - day);
  const int year = static_cast<int>(date.year());
  std::string text;
  text.reserve(sizeof "2026-11-21T10:00:00.123Z");
  if (year >= 0 && year <= 9999) {
    AppendTwoDigits(year / 100, text);
    AppendTwoDigits(year % 100, text);
  } else {
    text += std::to_string(year);
  }
  AppendTwoDigits(static_cast<int>(static_cast<unsigned>(date.month())), text += '-');
  AppendTwoDigits(static_cast<int>(static_cast<unsigned>(date.day())), text += '-');
  AppendTwoDigits(static_cast<int>(clock.hours().count()), text += 'T');
  AppendTwoDigits(static_cast<int>(clock.minutes().count()), text += ':');
  AppendTwoDigits(static_cast<int>(clock.seconds().count()), text += ':');
  return text;
}

}  // namespace

TimeMs SystemClock::Now() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void AppendTwoDigits(int number, std::string& out) {
  MUST(number >= 0 && number <= 99);
  out += static_cast<char>('0' + number / 10);
  out += static_cast<char>('0' + number % 10);
}

std::string Rfc3339(Time t) { return DateAndTime(t) + "Z"; }

std::string Rfc3339(TimeMs t) {
  const Time seconds = ToSeconds(t);
  const auto ms = static_cast<int>((t - seconds).count());
  std::string text = DateAndTime(seconds);
  text += '.';
  text += static_cast<char>('0' + ms / 100);
  AppendTwoDigits(ms % 100, text);
  text += 'Z';
  return text;
}

Result<Time> ParseTime(std::string_view text) {
  const std::string whole(text.size() == 10 ? std::string(text) + "T00:00:00Z" : text);
  struct tm parts {};
  const char* const end = strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end != nullptr) {
    const Time time(std::chrono::seconds(timegm(&parts)));
    // strptime takes blanks and single digits, timegm a 30th of February.
    if (Rfc3339(time) == whole) return time;
  }
  return Error{&kBadTime, "found '" + std::string(text) + "'"};
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  const auto bad = [&] { return Error{&kBadDuration, "found '" + std::string(text) + "'"}; };
  // from_chars would take a minus sign.
  if (text.empty() || text[0] < '0' || text[0] > '9') return bad();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return bad();
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (suffix != unit.suffix) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.ms) return bad();
    return std::chrono::milliseconds(number * unit.ms);
  }
  return bad();
}

std::string FormatDuration(std::chrono::milliseconds d) {
  if (d.count() == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (d.count() % unit.ms == 0) {
      return std::to_string(d.count() / unit.ms) + std::string(unit.suffix);
    }
  }
  MUST(false);
}

}  // namespace schema
