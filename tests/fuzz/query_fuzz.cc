// A query that is read has each name once, and says the same when its values are written again with
// every octet escaped; a number that is taken is below 2^63 and its text is its digits. One that is
// not read is kBadQuery.
#include <cstdint>
#include <string>
#include <string_view>

#include "http/query.h"

namespace {

std::string Escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    out += {'%', kDigits[octet >> 4], kDigits[octet & 15]};
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto query = http::Query::Parse(text);
  if (!query) {
    MUST(query.error().Is(http::kBadQuery));
    return 0;
  }
  // A name that no query of this text can hold unasked: it is not there.
  MUST(query->Text(std::string(size + 1, 'x')).empty());
  for (const std::string_view name : {"start", "end", "hash", "tree_size", "san", ""}) {
    const std::string value = query->Text(name);
    MUST(value.size() <= size);
    MUST(query->Has(name) || value.empty());
    const auto again = http::Query::Parse(Escaped(name) + "=" + Escaped(value));
    MUST(again && again->Text(name) == value);
    MUST(!http::Query::Parse(std::string(text) + "&" + Escaped(name) + "=1") == query->Has(name));
    if (const auto number = query->Number(name)) {
      MUST(*number >> 63 == 0);
      MUST(std::stoull(value) == *number &&
           value.find_first_not_of("0123456789") == std::string::npos);
    } else {
      MUST(number.error().Is(http::kBadQuery));
    }
  }
  return 0;
}
