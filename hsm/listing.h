// What a module has: tokens and keys, as `chancery hsm list` shows them.
#pragma once

#include <filesystem>
#include <optional>

#include "hsm/token_key.h"
#include "schema/base/json.h"

namespace hsm {

// Where to log in, so that private keys show: the token that `uri` names, with its pin-source.
struct ListLogin {
  KeyUri uri;
  KeyTerms terms;
};

// {"module", "tokens": [{"slot", "label", "serial", "manufacturer", "model", "firmware", "pin",
//  "sessions_max", "signs_with", "keys": [{"class", "label", "id", "type", "uri", "attributes"}]}]}
// "pin": "ok", "wrong PIN entered", "one try left", "locked" or "not set". Loads the module: in a
// process of its own. kKeyUnusable, and kPinRefused with a login.
schema::Result<schema::Json> ListModule(const std::filesystem::path& file,
                                        const std::optional<ListLogin>& login);

}  // namespace hsm
