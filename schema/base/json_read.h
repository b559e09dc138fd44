// The two readers behind ParseJson: each takes text without NUL and byte order mark.
#pragma once

#include <optional>
#include <string_view>

#include "schema/base/json.h"

namespace schema {

// By simdjson, at a twentieth of the cost of the other lexer, which is what every token and every
// request pays. It gives the same value or nothing: refused, or not for it to decide (an escape by
// number, whose lone surrogates some of its versions take; a number beyond 64 bits).
std::optional<Json> ReadQuick(std::string_view text, std::size_t depth_max);

// By nlohmann's lexer, which says where a text is bad.
Result<Json> ReadStrict(std::string_view text, std::size_t depth_max);

}  // namespace schema
