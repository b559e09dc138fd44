// Globs of policy.yaml: `*` is any run of octets but "/", also none; nothing else is special.
#pragma once

#include <string_view>

namespace ca {

// The whole text. At most pattern × text steps.
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace ca
