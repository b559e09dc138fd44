// UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing beyond U+10FFFF.
#pragma once

#include <string_view>

namespace schema {

bool IsUtf8(std::string_view text);

}  // namespace schema
