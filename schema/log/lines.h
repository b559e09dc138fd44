// The texts of C2SP logs, line by line: what notes, checkpoints and requests to witnesses share.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "schema/base/bytes.h"

namespace schema {

// Up to the next newline, which is taken too; nothing when there is none.
std::optional<std::string_view> TakeLine(std::string_view& text);
// ASCII decimal without sign and leading zeros.
std::optional<std::uint64_t> ParseDecimal(std::string_view text);
// RFC 4648 4, padded and canonical.
std::optional<Bytes> DecodeBase64Strict(std::string_view text);
// The same of 32 octets.
std::optional<Hash> DecodeHash(std::string_view text);

// signed-note: the first four octets of SHA-256 over name, 0x0a, type and key.
std::array<std::uint8_t, 4> NoteKeyId(std::string_view name, std::uint8_t type, BytesView key);

}  // namespace schema
