// Character rules of what goes into a certificate, and of what goes to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace ca {

// 0x21 to 0x7e, not empty: what an rfc822Name or URI of ours may hold (RFC 5280 4.2.1.6 IA5String).
bool IsVisibleAscii(std::string_view text);

// A stranger's text as a terminal may show it, on one line: what would steer the terminal or turn
// the reading direction (C0, DEL, C1, U+2028/9, bidirectional controls), and octets that are not
// UTF-8, become '?'.
std::string Plain(std::string_view text);

}  // namespace ca
