// RFC 1952, by zlib: its only user.
#pragma once

#include <string_view>

#include "schema/base/bytes.h"

namespace ca {

// One member without name or time. The octets are zlib's of this version; the text is what counts.
schema::Bytes Gzip(std::string_view text);

}  // namespace ca
