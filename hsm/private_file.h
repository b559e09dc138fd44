// Whether a file with a secret is closed to everybody but this process's user.
#pragma once

#include <sys/stat.h>

#include <filesystem>

#include "schema/base/result.h"

namespace hsm {

// kKeyUnusable unless `fd`, of which `status` was taken, is a regular file that neither its group
// nor others can read or write. An access control list may name this process's user: that is how
// systemd hands over a credential where its file system knows ACLs (systemd.exec(5),
// LoadCredential=).
schema::Outcome CheckPrivate(int fd, const struct stat& status, const std::filesystem::path& file);

}  // namespace hsm
