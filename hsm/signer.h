// The signer process: the only place where a PIN, a module or a private key is.
#pragma once

#include <filesystem>

#include "hsm/role.h"

namespace hsm {

// Serves the socket `fd` until its other end closes: loads the configuration, opens the keys of
// `role` (role.h), says hello, signs what the guard allows. Returns the exit code: 0
// after a closed socket, 77 after a refused PIN, 1 after any other error; the other end was told.
// Single-threaded; hardens the process, so call it in one of its own. `entered_pin`: a descriptor
// of pin_prompt.h, or -1. `token`: which of those that hold the role's key; the first when it is
// empty. `config_text`: a descriptor of sealed.h, or -1: the file is read.
int RunSigner(const std::filesystem::path& config_file, const SignerRole& role, int fd,
              int entered_pin, std::string_view token = {}, int config_text = -1);

}  // namespace hsm
