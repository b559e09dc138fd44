// Character rules of what goes into a certificate.
#pragma once

#include <string_view>

namespace ca {

// 0x21 to 0x7e, not empty: what an rfc822Name or URI of ours may hold (RFC 5280 4.2.1.6 IA5String).
bool IsVisibleAscii(std::string_view text);

}  // namespace ca
