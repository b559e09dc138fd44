// Which tokens an operator has taken out of use: a file of its name for each in STATE/drained,
// which `chancery hsm drain` and `undrain` write and the server looks at while it runs. The
// server's own state, also where signers have a supervisor: who gets work is decided on the network
// side.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace hsm {

// What was said last of a token. The file's owner is who said it, as the kernel saw it.
struct DrainNote {
  bool drained;
  uid_t who;
  schema::TimeMs when;
};
using DrainNotes = std::map<std::string, DrainNote>;  // by token

// Of every token that something was ever said of. A file that cannot be read drains its token: that
// is what somebody made it for. Empty when there is no such directory.
DrainNotes ReadDrainNotes(const std::filesystem::path& state);

bool IsDrained(const DrainNotes& notes, const std::string& token);

// schema::kFileUnwritable when `state` is missing or not this user's to write to.
schema::Outcome WriteDrainNote(const std::filesystem::path& state, const std::string& token,
                               bool drained);

}  // namespace hsm
