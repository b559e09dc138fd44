// Which tokens a configuration names, by the names that operators know them by.
#pragma once

#include <string>
#include <vector>

#include "hsm/drained.h"
#include "schema/config.h"

namespace hsm {

// A key, and the tokens that hold it: who takes one of them out of use leaves the others.
struct KeyUse {
  std::string setting;  // "ca.key", with ca.rotation "key of CA NAME"; "log.certificates.key"
  std::vector<schema::KeyToken> tokens;  // never empty
};

// Of keys in tokens; a key in a file is in none. With ca.rotation those of each CA that is not
// retired. kKeyUnusable: the rotation's file cannot be read or is wrong.
schema::Result<std::vector<KeyUse>> KeyUses(const schema::Config& config);

// The keys that nothing could sign with any more without this token, by what is drained already.
std::vector<std::string> KeysThatNeed(const std::vector<KeyUse>& uses, const std::string& token,
                                      const DrainNotes& notes);

}  // namespace hsm
