// Whether the local trees still hold what was shown before: checkpoints of ours that others kept,
// against the hashes here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/log/store.h"
#include "schema/base/journal.h"
#include "schema/base/send.h"
#include "schema/log/verifier_key.h"
#include "schema/watcher_settings.h"

namespace ca {

// kUs: a tree lacks entries, or has others, than a checkpoint of its own says: an older state was
// put back, or one was rewritten. ca/log/README.md says what to do.
extern const schema::ErrorKind kRolledBack;
// kUs: no checkpoint of these trees, or not signed by them: it proves nothing
extern const schema::ErrorKind kNotOurs;

// A log of this process, as it is now.
struct OwnTree {
  LogName log;
  schema::VerifierKey key;  // Ed25519; its name is the origin
  std::uint64_t size;
  schema::merkle::HashReader read;
};

std::string_view NameOf(LogName log);  // "certificates", "events"

// `source` is named in the error. Also errors of the reader.
schema::Outcome CompareWith(const std::vector<OwnTree>& trees, std::string_view checkpoint,
                            const std::string& source);

// The newest checkpoint that a witness serves of the log with this origin; kNotOurs when it has
// none or serves none, kFetchFailed.
schema::Result<std::string> AskWitness(const schema::WitnessSettings& witness,
                                       schema::Sender& sender, const std::string& origin);

// Compares with whatever witnesses and shipped records say, before anything is signed. kRolledBack;
// who cannot be asked is journalled and passed over. `sender` may be null without URLs.
schema::Outcome CheckPast(const schema::WatcherSettings& watchers,
                          const std::vector<OwnTree>& trees, schema::Sender* sender,
                          schema::Journal& journal);

}  // namespace ca
