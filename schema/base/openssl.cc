#include "schema/base/openssl.h"

#include <openssl/err.h>

#include <array>

namespace schema {

std::string OpensslError() {
  const char* data = nullptr;
  int flags = 0;
  const unsigned long code = ERR_peek_last_error_all(nullptr, nullptr, nullptr, &data, &flags);
  if (code == 0) return "OpenSSL gave no reason";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  std::string out(text.data());
  if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') {
    out.append(": ").append(data);
  }
  ERR_clear_error();  // only now: the queue owns `data`
  return out;
}

}  // namespace schema
