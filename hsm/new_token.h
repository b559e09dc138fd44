// A fresh token in a module that makes them on demand, such as SoftHSM: for rehearsals.
#pragma once

#include <string_view>

#include "hsm/cryptoki.h"

namespace hsm {

// Initialises the first token that is not, under `label` (at most 32 octets), with one PIN for
// security officer and user. kKeyUnusable; a token that is initialised is never touched.
schema::Outcome MakeToken(const Module& module, std::string_view label, const Pin& pin);

}  // namespace hsm
