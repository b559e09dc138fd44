// The text fields of CK_TOKEN_INFO (PKCS#11 2.40, 3.2): of fixed size, padded with blanks, not
// terminated.
#pragma once

#include <algorithm>
#include <string>

namespace hsm {

// Without the padding; empty for a field that is all zero, as p11-kit leaves what a URI does not
// name.
template <std::size_t size>
std::string TokenField(const unsigned char (&field)[size]) {
  std::string text(reinterpret_cast<const char*>(field), size);
  text.erase(std::min(text.find('\0'), text.size()));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace hsm
