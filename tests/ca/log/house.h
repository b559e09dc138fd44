// A log with everything around it, in a directory of its own: what the tests of ca/log share.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ca/chain.h"
#include "ca/log/log.h"
#include "ca/log/open.h"
#include "ca/log/store.h"
#include "ca/request.h"
#include "schema/config.h"
#include "schema/identity.h"
#include "tests/support/fake_custody.h"
#include "tests/support/fakes.h"

namespace log_test {

// Removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

schema::Hash HashOf(std::string_view text);
ca::EventText Event(const schema::Json& event);  // which is one

class House {
 public:
  House();

  // Opens the log, or opens it again after closing it.
  schema::Outcome Open();
  schema::Outcome OpenWith(const ca::StoreAt& open);
  void Close() { log_.reset(); }
  ca::Log& log() { return *log_; }

  // A grant with a fresh serial. `token` and `key` are texts whose hashes are used; no token when
  // empty.
  ca::Grant MakeGrant(const std::string& token = "", const std::string& key = "key");
  ca::Grant MakeGrantFor(const std::string& san, const std::string& token = "",
                         const std::string& key = "key");
  // What the coordinator does after Enter: signs and finishes.
  schema::CertDer Sign(const ca::Receipt& receipt);
  schema::CertDer Finish(const ca::Receipt& receipt);
  // Enter and Finish.
  schema::Result<std::uint64_t> Issue(const std::string& token = "");

  // Waits until a checkpoint covers `size` certificates and as many events as there were.
  bool WaitPublished(std::uint64_t size);
  // All events so far, once a checkpoint covers them.
  std::vector<schema::Json> Events();
  std::filesystem::path database() const { return config.state / "chancery.db"; }
  // An integer of one row, through a connection of its own.
  std::int64_t Ask(const std::string& sql) const;

  TempDir directory;
  support::FakeCustody custody;
  support::MemoryJournal journal;
  support::FakeClock clock;
  schema::WatcherSettings watchers;
  schema::Sender* sender = nullptr;  // for them
  ca::Chain chain;
  schema::Config config;

 private:
  ca::SubjectKey subject_key_;
  std::unique_ptr<ca::Log> log_;
};

// Until `done` or ten seconds.
template <class Done>
bool WaitFor(const Done& done);

// The whole of it: every entry's hash, both roots, every checkpoint's signatures, every certificate
// with its entry, the granted events, and no row beyond. "" or what is wrong.
std::string Inspect(House& house);

}  // namespace log_test

#include <thread>

template <class Done>
bool log_test::WaitFor(const Done& done) {
  const auto end = schema::Steady::now() + std::chrono::seconds(10);
  while (!done()) {
    if (schema::Steady::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}
