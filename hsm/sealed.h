// Files in memory that a signer gets as a descriptor, and nobody changes any more.
#pragma once

#include <string>

#include "hsm/channel.h"
#include "schema/base/result.h"

namespace hsm {

// `file` of memfd_create with MFD_ALLOW_SEALING, as it is now, under a number above those that a
// signer gets its descriptors under: so that none is taken for another.
Descriptor Seal(const Descriptor& file);
// The configuration's text, the one its server serves by whatever the file says by now.
Descriptor SealedText(const std::string& text);
// kKeyUnusable: not readable.
schema::Result<std::string> ReadSealed(int fd);

}  // namespace hsm
