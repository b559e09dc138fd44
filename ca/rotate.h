// The steps from one issuing CA and one shard of the log to the next, as changes of rotation.yaml:
// pure, the clock is an argument.
#pragma once

#include <string>

#include "ca/issuing_cas.h"
#include "ca/log/store.h"
#include "schema/base/json.h"
#include "schema/config.h"
#include "schema/rotation.h"

namespace ca {

// kUs, for the operator: the step may not be taken now; the detail says when, or what before it.
extern const schema::ErrorKind kRotateRefused;

// From when on a prepared CA may be active, and a replaced one retired: all that it signed is over.
schema::Time MayBeActive(const schema::RotationCa& prepared, std::chrono::seconds lead);
schema::Time MayRetire(const schema::RotationCa& replaced, std::chrono::seconds lifetime);

// Each changes `rotation` or refuses. The new CA is the last of the list.
schema::Outcome Prepare(schema::Rotation& rotation, schema::RotationCa fresh, schema::Time now);
// `reason`: why it may not wait for its lead time; empty: it may. A CA that was replaced may come
// back at once: it has been published all the time.
schema::Outcome Activate(schema::Rotation& rotation, const std::string& name,
                         std::chrono::seconds lead, const std::string& reason, schema::Time now);
schema::Outcome Retire(schema::Rotation& rotation, const std::string& name,
                       std::chrono::seconds lifetime, schema::Time now);

// The key of the next shard of the certificates log is published; it may be opened by the
// configuration when a CA might be activated. In place of one that was prepared before.
schema::Outcome PrepareShard(schema::Rotation& rotation, const std::string& name,
                             const std::string& key, schema::Time now);

// Whether the certificates log may go on in shard `name`: it is announced, and since `lead` at
// least.
schema::Outcome MayOpen(const IssuingCas& cas, const std::string& name, std::chrono::seconds lead,
                        schema::Time now);

// {"lead", "lifetime", "cas": [{name, state, dates…}], "shards": [{log, name, state, …}],
//  "next": [what to do, and when]}
// `shards`: those of the store.
schema::Json PlanOf(const IssuingCas& cas, const std::vector<ShardRow>& shards,
                    const schema::Config& config, schema::Time now);

}  // namespace ca
