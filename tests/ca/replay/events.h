// Events as the log writes them, and stores that hold them: for tests and the replay's benchmark.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ca/log/event.h"
#include "ca/log/store.h"
#include "schema/base/json.h"

namespace replay_test {

inline constexpr schema::TimeMs kStart{std::chrono::seconds{1795255200}};

inline std::string Event(schema::Json event, schema::TimeMs time) {
  auto text = ca::EventText::Make(event);
  MUST(text.has_value());
  return std::string(schema::AsText(text->At(time, std::nullopt)));
}

inline ca::SignedTreeHead HeadOf(std::uint64_t size, schema::TimeMs time) {
  ca::SignedTreeHead head{};
  head.head.size = size;
  head.head.timestamp = time;
  head.checkpoint = "note";
  return head;
}

// A store whose published events log has what Add was given. Its hashes are not those of a log: a
// replay reads entries only.
class EventStore {
 public:
  explicit EventStore(const std::filesystem::path& directory) {
    std::filesystem::create_directories(directory);
    auto opened = ca::OpenStore(directory / "chancery.db");
    MUST(opened.has_value());
    store_ = *std::move(opened);
    const ca::NewShard shard{"2026", "test", {}, {}, {}, kStart};
    MUST(store_->OpenShard(ca::LogName::kCertificates, shard).has_value());
    MUST(store_->OpenShard(ca::LogName::kEvents, shard).has_value());
  }

  // What is added from now on is in a shard of this name.
  void OpenShard(const std::string& name) {
    MUST(store_->OpenShard(ca::LogName::kEvents, {name, "test/" + name, {}, {}, {}, kStart})
             .has_value());
  }

  void Add(const std::vector<std::string>& events, schema::TimeMs time) {
    auto tails = store_->ReadTails();
    MUST(tails.has_value());
    ca::Batch batch{};
    batch.before = batch.after = *tails;
    for (const std::string& event : events) {
      batch.entries.push_back({ca::LogName::kEvents, batch.after.events.size++,
                               schema::ToBytes(schema::AsBytes(event))});
    }
    batch.tree_heads.push_back({ca::LogName::kEvents, HeadOf(batch.after.events.size, time)});
    MUST(store_->Append(batch).has_value());
  }

 private:
  std::unique_ptr<ca::Store> store_;
};

}  // namespace replay_test
