#include "hsm/unix_address.h"

#include <string>

#include "hsm/custody.h"

namespace hsm {

schema::Result<UnixAddress> UnixAddressOf(const std::filesystem::path& path) {
  UnixAddress out;
  const std::string text = path.string();
  if (text.empty() || text.size() >= sizeof out.address_.sun_path) {
    return schema::Error{&kKeyUnusable, "hsm.socket: " + text + ": no path that a socket may have"};
  }
  out.address_.sun_family = AF_UNIX;
  text.copy(out.address_.sun_path, text.size());
  return out;
}

}  // namespace hsm
