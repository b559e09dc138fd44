#include "ca/claim_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "schema/base/limits.h"

namespace ca {
namespace {

constexpr double kExactMax = 9007199254740992.0;  // 2^53: beyond it a double has lost digits
constexpr std::ptrdiff_t kExactDigits = 15;       // of a fraction: so many survive a double
constexpr std::size_t kFoundBytes = 200;

std::ptrdiff_t Digits(const std::string& number) {
  const std::size_t mantissa = number.find_first_of("eE");
  const std::string_view text = std::string_view(number).substr(0, mantissa);
  const std::size_t first = text.find_first_of("123456789");
  if (first == std::string_view::npos) return 0;
  return std::ranges::count_if(text.substr(first), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

ClaimText::ClaimText(const schema::Json& value) {
  if (value.is_string()) {
    text_ = &value.get_ref<const std::string&>();
    usable_ = text_->size() <= schema::limits::kClaimTextBytes;
  } else if (value.is_boolean()) {
    own_ = value.get<bool>() ? "true" : "false";
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::trunc(number) == number && std::fabs(number) <= kExactMax) {
      own_ = std::to_string(static_cast<std::int64_t>(number));
    } else {
      own_ = value.dump();
      usable_ = std::fabs(number) <= kExactMax && Digits(own_) <= kExactDigits;
    }
  } else if (value.is_number()) {
    own_ = value.dump();
  } else {
    usable_ = false;
  }
}

std::string Shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  text += "…";
  return text;
}

std::string FoundText(const schema::Json& claims, const std::string& claim) {
  if (!claims.is_object()) return "missing";
  const auto found = claims.find(claim);
  if (found == claims.end()) return "missing";
  return Shortened(found->dump(-1, ' ', false, schema::Json::error_handler_t::replace),
                   kFoundBytes);
}

}  // namespace ca
