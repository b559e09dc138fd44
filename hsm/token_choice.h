// One of the tokens that hold a key, by its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hsm/key_set.h"
#include "schema/config.h"

namespace hsm {

const std::vector<schema::KeyToken>& TokensOf(const schema::Config& config, Role role);

// The first when `name` is empty. kKeyUnusable when none is called so.
schema::Result<schema::KeyToken> ChooseToken(const schema::Config& config, Role role,
                                             std::string_view name);

// The keys that the log signer has beside its own: those of precertificates and of timestamps, as
// far as there are.
std::vector<const std::string*> FurtherLogKeys(const schema::Config& config);

// Where the PIN of a signer comes from: of its keys the first in a token, which for the log may be
// a further one; else its own.
const std::string& PinUri(const schema::Config& config, Role role, const schema::KeyToken& key);

// Whether both keys are reached by the same module and token.
bool ShareToken(const schema::Config& config, const std::string& one, const std::string& other);

// Sessions that all signers together want of the module and token of this key, one for each key.
int SessionsOf(const schema::Config& config, const std::string& uri);

}  // namespace hsm
