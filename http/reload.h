// Brings edited files into force while the server runs: whole or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/watch.h"
#include "schema/base/journal.h"
#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace http {

struct ReloadedFile {
  std::string name;  // "policy": its events are policy-loaded, policy-refused, with policy_digest
  std::filesystem::path path;
  std::string digest;  // schema::TextDigest of the text in force
  // Checks a text, puts it in force and enters that in the events log. An error leaves the old one
  // in force; one of Fault::kBusy says nothing against the text, which is tried again.
  std::function<schema::Outcome(const std::string& text)> load;
  bool optional = false;  // while there is no such file its text is empty
};

// How one file stands.
struct FileState {
  std::string name;
  std::filesystem::path path;
  std::string digest;    // of the text in force
  schema::TimeMs since;  // in force since
  std::string refused;   // why what the file says now is not in force; empty: it is
  std::uint64_t failures;

  // "serving DIGEST since TIME", or "refused: REASON; serving DIGEST since TIME".
  std::string Describe() const;
};

struct ReloadSettings {
  // Looked at without being told: for file systems that tell nothing.
  std::chrono::milliseconds look{10000};
  std::chrono::milliseconds retry{1000};  // after an error of Fault::kBusy
  WatchSettings watch;
};

class Reloader {
 public:
  // `note` enters an event. All that the arguments refer to outlives the reloader.
  Reloader(std::vector<ReloadedFile> files, std::function<schema::Outcome(schema::Json)> note,
           const schema::Clock& clock, schema::Journal& journal, ReloadSettings settings = {});
  ~Reloader();  // stops

  // One thread watches the files from now on. What changed since they were read is noticed.
  void Start();
  // Waits for a load under way: at most about a commit of the log.
  void Stop();
  // Reads the files now, also one that was refused already (SIGHUP).
  void Ask() { watch_.Ask(); }

  std::vector<FileState> States() const;  // thread-safe, in the order given

 private:
  struct Item {
    ReloadedFile file;
    FileState state;     // guarded by mutex_ when written
    std::string tried;   // the text or reading error that was refused last
    bool retry = false;  // load, because the last error was not the text's
    schema::Json owed;   // an event that could not be entered yet
  };
  void Run();
  void Look(Item& item, bool asked);
  void Load(Item& item, const std::string& text, const std::string& digest);
  void Refuse(Item& item, const schema::Error& error, const std::string& digest);
  void Settle(Item& item);
  bool Restless() const;

  const std::function<schema::Outcome(schema::Json)> note_;
  const schema::Clock& clock_;
  schema::Journal& journal_;
  const ReloadSettings settings_;
  std::vector<Item> items_;  // of the watching thread, states excepted
  mutable std::mutex mutex_;
  Watch watch_;
  std::thread thread_;
};

}  // namespace http
