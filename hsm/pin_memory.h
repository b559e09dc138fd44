// A PIN that a token refused is not tried again: what is remembered of it, and where.
//
// Of a file, which content it was: device, inode, time and size. Of every other source only the PIN
// itself can tell whether it is the same, and a PIN must not be written down: eight bits of a
// salted hash are kept, enough to know it again and too few to find it by. One new PIN of 256 looks
// like the refused one; the message says which file of the state directory to remove then.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "hsm/channel.h"
#include "hsm/pin.h"
#include "hsm/pin_source.h"

namespace hsm {

// What a file holds now; nothing when there is none.
std::optional<PinTried> LookAtPin(const std::filesystem::path& file);

// The memory is in the state directory, one file a source. Remembering may fail (a full disk, no
// such directory yet): the process that was refused still knows.
void RememberRefusedPin(const std::filesystem::path& state, const PinSource& source,
                        const PinTried& tried);
std::optional<PinTried> RecallRefusedPin(const std::filesystem::path& state,
                                         const PinSource& source);
void ForgetRefusedPin(const std::filesystem::path& state, const PinSource& source);
std::filesystem::path RefusedPinFile(const std::filesystem::path& state, const PinSource& source);

// One process at a time reads, tries and remembers the PIN of a source: with a wrong one several
// tries at once would lock the token, whatever each of them remembers afterwards. Waits; held until
// the descriptor is closed. Without such a directory nothing is held.
Descriptor TakePinTurn(const std::filesystem::path& state, const PinSource& source);

// Whether this PIN, just read, is the one that was refused.
bool IsRefusedPin(const PinTried& refused, const ReadPinResult& read);

}  // namespace hsm
