// The outside world for tests: a clock that is set, a network of canned documents, a journal in
// memory.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/base/fetch.h"
#include "schema/base/journal.h"
#include "schema/base/time.h"

namespace support {

class FakeClock final : public schema::Clock {
 public:
  explicit FakeClock(schema::TimeMs now) : now_(now) {}
  schema::TimeMs Now() const override { return now_; }
  void Set(schema::TimeMs now) { now_ = now; }
  void Advance(std::chrono::milliseconds by) { now_ = now_.load() + by; }

 private:
  std::atomic<schema::TimeMs> now_;
};

// Answers by URL and counts; a URL without an answer is kFetchFailed. Thread-safe. An answer may
// block: it runs outside the lock.
class FakeFetcher final : public schema::Fetcher {
 public:
  using Answer = std::function<schema::Result<std::string>(const schema::FetchRequest&)>;

  void Serve(std::string url, std::string body) {
    Serve(std::move(url), [body = std::move(body)](const schema::FetchRequest&) {
      return schema::Result<std::string>(body);
    });
  }
  void Serve(std::string url, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[std::move(url)] = std::move(answer);
  }
  void Remove(const std::string& url) {
    const std::lock_guard lock(mutex_);
    answers_.erase(url);
  }
  // Requests so far, for one URL or all.
  int Count(const std::string& url) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(url);
    return found == counts_.end() ? 0 : found->second;
  }
  int Total() const {
    const std::lock_guard lock(mutex_);
    int total = 0;
    for (const auto& [url, count] : counts_) total += count;
    return total;
  }

  schema::Result<std::string> Get(const schema::FetchRequest& request) override {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      ++counts_[request.url];
      const auto found = answers_.find(request.url);
      if (found == answers_.end())
        return schema::Error{&schema::kFetchFailed, "nothing at " + request.url};
      answer = found->second;
    }
    auto body = answer(request);
    if (body && body->size() > request.bytes_max)
      return schema::Error{&schema::kFetchFailed, "too large"};
    return body;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;  // guarded by mutex_
  std::map<std::string, int> counts_;      // guarded by mutex_
};

class MemoryJournal final : public schema::Journal {
 public:
  void Write(Level, std::string_view event, std::initializer_list<Field> fields) override {
    std::string line(event);
    for (const auto& [name, value] : fields)
      line.append(" ").append(name).append("=").append(value);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;  // guarded by mutex_
};

}  // namespace support
