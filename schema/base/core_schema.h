// What a plain scalar means (YAML 1.2.2 10.3.2, the core schema). `yes`, `no` and `on` are strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "schema/base/document.h"

namespace schema {

// kNull, kBool, kNumber or kString.
Node::Kind CoreKind(std::string_view text);

// Decimal, 0o and 0x; empty for any other text and beyond 64 bits.
std::optional<std::int64_t> CoreInteger(std::string_view text);

}  // namespace schema
