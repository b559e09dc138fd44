// "Did you mean …": which known word somebody most likely meant.
#pragma once

#include <span>
#include <string_view>

namespace schema {

// The word of `known` nearest to `text`, or empty when none is within two edits (insert, delete or
// replace one octet), of a word of three octets or less one edit. A word of one or two octets is
// never proposed for another of that length.
std::string_view Nearest(std::string_view text, std::span<const std::string_view> known);

}  // namespace schema
