// Housekeeping: brings the write-ahead log into the database at quiet moments,
// enters summaries of refusals, declares entries unfinished whose certificate never came, and marks
// what has been published beside the database.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "ca/log/mark.h"
#include "ca/log/pending.h"
#include "ca/log/place.h"
#include "ca/log/refusals.h"
#include "ca/log/sequencer.h"
#include "ca/log/sqlite.h"
#include "schema/base/journal.h"
#include "schema/base/time.h"

namespace ca {

struct KeeperParts {
  Pending& pending;
  Sequencer& sequencer;
  Refusals& refusals;
  const schema::Clock& clock;
  schema::Journal& journal;
  std::filesystem::path database;
  std::vector<ShardRow> shards;  // Store::Shards
};

class Keeper {
 public:
  // Declares what ended while nobody watched before it returns.
  static schema::Result<std::unique_ptr<Keeper>> Start(KeeperParts parts);
  ~Keeper();  // enters the refusals counted so far

 private:
  explicit Keeper(KeeperParts parts) : parts_(std::move(parts)) {}
  schema::Outcome Open();
  void Run();
  void EnterRefusals(bool all);
  schema::Outcome Settle();
  // How far the shard of certificates is settled now, which was so far before.
  schema::Result<std::uint64_t> SettleShard(const ShardRow& shard, std::uint64_t settled);
  schema::Result<std::uint64_t> SettleSome(const ShardRow& shard, std::uint64_t settled);
  schema::Outcome Checkpoint();
  schema::Outcome KeepMark();
  void Report(const schema::Outcome& outcome);

  const KeeperParts parts_;
  std::vector<ShardRow> closed_;  // shards of certificates that are not settled yet
  ShardRow written_;
  std::unique_ptr<sqlite::Connection> connection_;
  std::optional<sqlite::Statement> unsettled_, tree_head_;
  std::optional<Place> place_;
  std::string trouble_;
  Mark mark_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ca
