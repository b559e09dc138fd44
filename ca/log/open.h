// Log::Open with a store of the caller's choice: how tests put failures under the log.
#pragma once

#include <functional>
#include <memory>

#include "ca/log/log.h"
#include "ca/log/store.h"
#include "schema/base/send.h"
#include "schema/watcher_settings.h"

namespace ca {

// Opens <state>/chancery.db, or something around it. Called at start and after each failed commit.
using StoreAt = std::function<schema::Result<std::unique_ptr<Store>>(const std::filesystem::path&)>;

struct LogParts {
  const schema::Config& config;
  const Chain& chain;
  hsm::Custody& custody;
  const schema::Clock& clock;
  schema::Journal& journal;
  const std::vector<schema::Hash>& others;
  const schema::WatcherSettings& watchers;
  schema::Sender* sender = nullptr;  // needed for witnesses and URLs of log.ship
  MayOpenShard may_open{};
};

schema::Result<std::unique_ptr<Log>> OpenLog(const LogParts& parts, const StoreAt& open);

}  // namespace ca
