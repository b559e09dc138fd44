// RFC 7468 textual encoding, strictly: whole blocks, white space between them, and nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

extern const schema::ErrorKind kBadPem;

struct PemBlock {
  std::string_view label;  // views the text it was read from
  schema::Bytes der;       // not empty
};

// Begins with "-----BEGIN " after white space. False for DER.
bool LooksLikePem(std::string_view text);

// 1 to `blocks_max` blocks. Lines may end with LF or CR LF and be of any length; base64 is
// canonical and padded (RFC 4648 4). Headers (RFC 1421) and explanatory text are refused. The
// detail names the block and the reason, never the content. Safe on any bytes.
schema::Result<std::vector<PemBlock>> ParsePem(std::string_view text, std::size_t blocks_max);

// 64 columns (RFC 7468 2), without a trailing newline.
std::string Pem(std::string_view label, schema::BytesView der);

}  // namespace ca
