// Property: a URI that is taken names a token or serial, an object or id, and absolute paths.
#include <cstdint>

#include "hsm/uri.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto uri = hsm::ParseKeyUri(text, "/directory")) {
    MUST(!uri->token.empty() || !uri->serial.empty());
    MUST(!uri->object.empty() || !uri->id.empty());
    MUST(uri->module.is_absolute());
    MUST(uri->pin.kind != hsm::PinKind::kFile || uri->pin.file.is_absolute());
  }
  return 0;
}
