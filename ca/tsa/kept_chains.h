// Every timestamp authority that a state directory has known: a stamp made years ago is verified
// with the chain of its time, so trust documents name them all.
//
// A file of PEM certificates for each in `timestamp-chains`, named for the time of its first use
// and its certificate's digest. Nothing deletes one.
#pragma once

#include <filesystem>
#include <vector>

#include "ca/tsa/chain.h"
#include "schema/base/result.h"

namespace ca {

// Oldest first. kBadTimestampChain or kFileUnreadable, naming the file.
schema::Result<std::vector<TimestampChain>> KeptTimestampChains(const std::filesystem::path& state);

// Durable when it returns; nothing when it is kept already. kFileUnwritable.
schema::Outcome KeepTimestampChain(const std::filesystem::path& state, const TimestampChain& chain,
                                   schema::Time now);

}  // namespace ca
