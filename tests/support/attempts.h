// What a module that works for somebody else would try from inside a signer.
#pragma once

#include <string_view>

namespace support {

// Tries it: 0 when it worked, else errno; -1 for a name that is none of attempts.cc's.
int Attempt(std::string_view name);

}  // namespace support
