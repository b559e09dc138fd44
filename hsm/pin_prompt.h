// A PIN that a person enters at the terminal.
//
// A server that is started by hand asks once for each token and must be able to start signers for
// ever after, yet the network side may not hold a PIN. So it has another process ask, which writes
// the answer into a file without a name (memfd_create(2)); the server never reads that file, and
// its signers inherit the descriptor.
#pragma once

#include <filesystem>
#include <string>

#include "hsm/channel.h"
#include "hsm/pin.h"

namespace hsm {

// Asks here and now, without an echo: "PIN of `what`: ". Ctrl-C and an empty line are no answer.
// kKeyUnusable without a terminal.
schema::Result<Pin> AskForPin(const std::string& what);

// Has `program signer --ask-pin WHAT --fd 3` ask, and waits for the person. The file of the answer.
schema::Result<Descriptor> HaveAskedForPin(const std::filesystem::path& program,
                                           const std::string& what);
// In a signer: what that file holds.
schema::Result<Pin> ReadEnteredPin(int file);

// The asking process: asks, writes the answer to `file`, says on the terminal why there is none.
// Returns the exit code.
int RunAsker(const std::string& what, int file);

}  // namespace hsm
