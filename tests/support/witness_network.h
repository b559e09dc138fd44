// Witnesses in the test's own process, and a network that leads to them: hosts that answer, are
// away, hang, or say what a test wants.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ca/witness/witness.h"
#include "schema/base/fetch.h"
#include "schema/base/send.h"
#include "schema/watcher_settings.h"
#include "tests/support/fakes.h"
#include "tests/support/software_key.h"

namespace support {

// By the part of a URL before its path. A host that is not there is kFetchFailed. Thread-safe.
class FakeNetwork final : public schema::Sender {
 public:
  using Host = std::function<schema::Result<schema::SendAnswer>(const schema::SendRequest&)>;

  void Set(const std::string& base, Host host) {
    const std::lock_guard lock(mutex_);
    hosts_[base] = std::move(host);
  }
  void Remove(const std::string& base) {
    const std::lock_guard lock(mutex_);
    hosts_.erase(base);
  }
  // From now on it answers nothing until Release.
  void Hang(const std::string& base) {
    Set(base, [this](const schema::SendRequest& request) -> schema::Result<schema::SendAnswer> {
      std::unique_lock lock(mutex_);
      released_.wait(lock, [this] { return release_; });
      return schema::Error{&schema::kFetchFailed, request.url + ": it took too long"};
    });
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    release_ = true;
    released_.notify_all();
  }

  schema::Result<schema::SendAnswer> Send(const schema::SendRequest& request) override {
    Host host;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [base, one] : hosts_)
        if (request.url == base || request.url.starts_with(base + "/")) host = one;
    }
    if (host) return host(request);
    return schema::Error{&schema::kFetchFailed, request.url + ": nobody there"};
  }

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  std::map<std::string, Host> hosts_;
  bool release_ = false;
};

// A ca::Witness as a host of the network.
class WitnessHost {
 public:
  WitnessHost(const std::string& name, const std::filesystem::path& state,
              std::vector<schema::VerifierKey> logs)
      : name_(name), state_(state), logs_(std::move(logs)), key_(MakeEd25519()) {
    Start();
  }

  void Start() {
    witness_.reset();
    auto opened = ca::Witness::Open(
        {name_, state_, logs_, std::make_unique<SoftwareKey>(key_.get()), clock_, journal_});
    MUST(opened);
    witness_ = *std::move(opened);
  }
  schema::WitnessSettings settings() const { return {witness_->key(), "https://" + name_, {}}; }
  std::string base() const { return "https://" + name_; }

  // What http/witness_routes answers. `reads`: also GET.
  FakeNetwork::Host Host(bool reads = true) {
    return [this, reads](const schema::SendRequest& request) -> schema::Result<schema::SendAnswer> {
      if (request.method == "POST") {
        auto answer = witness_->AddCheckpoint(request.body);
        constexpr int kStatus[] = {200, 400, 403, 404, 409, 422, 503};
        return schema::SendAnswer{kStatus[static_cast<int>(answer.verdict)], "", answer.body};
      }
      const std::size_t begin = base().size() + 1;
      const auto note =
          witness_->Latest(request.url.substr(begin, request.url.find('/', begin) - begin));
      if (!note || !reads) return schema::SendAnswer{404, "", ""};
      return schema::SendAnswer{200, "", *note};
    };
  }
  ca::Witness& witness() { return *witness_; }

 private:
  const std::string name_;
  const std::filesystem::path state_;
  const std::vector<schema::VerifierKey> logs_;
  schema::OwnedKey key_;
  FakeClock clock_{kNow};
  MemoryJournal journal_;
  std::unique_ptr<ca::Witness> witness_;
};

}  // namespace support
