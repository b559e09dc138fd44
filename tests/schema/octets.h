// Octets written as hexadecimal with spaces where they help.
#pragma once

#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

inline schema::Bytes Octets(std::string_view hex) {
  schema::Bytes out;
  int pending = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    const std::size_t digit = std::string_view("0123456789abcdef").find(c);
    MUST(digit != std::string_view::npos);
    if (pending < 0) {
      pending = static_cast<int>(digit);
    } else {
      out.push_back(static_cast<std::uint8_t>(pending << 4 | static_cast<int>(digit)));
      pending = -1;
    }
  }
  MUST(pending < 0);
  return out;
}
