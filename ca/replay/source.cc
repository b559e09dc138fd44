#include "ca/replay/source.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "ca/asked.h"
#include "ca/replay/scan.h"
#include "schema/base/limits.h"

namespace ca {

using schema::Error;
using schema::Result;

namespace {

constexpr std::size_t kBlockBytes = 1 << 20;
constexpr std::uint64_t kBlockEvents = 512;

class StoreSource final : public EventSource {
 public:
  StoreSource(const Reader& reader, std::uint64_t first, std::uint64_t size)
      : reader_(reader), first_(first), size_(size), next_(first) {}

  Result<bool> Next(EventBlock* block) override {
    block->lines.clear();
    block->stored.clear();
    const std::uint64_t begin = next_.fetch_add(kBlockEvents);
    if (begin >= size_) return false;
    const std::uint64_t end = std::min(begin + kBlockEvents, size_);
    // One answer of the reader may be cut at its own limit of octets.
    while (begin + block->stored.size() < end) {
      TRY(std::vector<std::string> some, reader_.Events(begin + block->stored.size(), end - 1));
      if (some.empty()) return Error{&kNoSuchEntry, "the events log ends early"};
      std::ranges::move(some, std::back_inserter(block->stored));
    }
    for (const std::string& text : block->stored) block->lines.push_back(text);
    return true;
  }
  double size() const { return static_cast<double>(size_ - first_); }
  double Done() const override {
    if (size_ == first_) return 1;
    const std::uint64_t at = std::min(next_.load(), size_);
    return static_cast<double>(at - first_) / static_cast<double>(size_ - first_);
  }

 private:
  const Reader& reader_;
  const std::uint64_t first_, size_;
  std::atomic<std::uint64_t> next_;
};

// One shard after the other.
class ShardsSource final : public EventSource {
 public:
  explicit ShardsSource(std::vector<std::unique_ptr<StoreSource>> shards)
      : shards_(std::move(shards)) {}

  Result<bool> Next(EventBlock* block) override {
    for (const auto& shard : shards_) {
      TRY(const bool some, shard->Next(block));
      if (some) return true;
    }
    return false;
  }
  double Done() const override {
    double done = 0, all = 0;
    for (const auto& shard : shards_) {
      done += shard->Done() * shard->size();
      all += shard->size();
    }
    return all == 0 ? 1 : done / all;
  }

 private:
  const std::vector<std::unique_ptr<StoreSource>> shards_;
};

Result<std::string> TimeOf(const Reader& reader, std::uint64_t index) {
  TRY(const std::vector<std::string> texts, reader.Events(index, index));
  EventSlices slices;
  const EventScanner scanner({});
  if (texts.empty() || !scanner.Scan(texts.front(), &slices) || slices.time.size() < 2) {
    return Error{&kBadInput, "event " + std::to_string(index) + " has no time"};
  }
  return std::string(slices.time.substr(1, slices.time.size() - 2));
}

// The first event not before `since`: the log's times never go back.
Result<std::uint64_t> FirstSince(const Reader& reader, std::uint64_t size, schema::TimeMs since) {
  const std::string wanted = schema::Rfc3339(since);
  std::uint64_t low = 0;
  std::uint64_t high = size;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    TRY(const std::string time, TimeOf(reader, middle));
    if (time < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

class FileSource final : public EventSource {
 public:
  FileSource(std::FILE* file, std::uint64_t size) : file_(file), size_(size) {}
  ~FileSource() override {
    if (file_ != stdin) std::fclose(file_);
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  Result<bool> Next(EventBlock* block) override {
    block->lines.clear();
    {
      std::lock_guard lock(mutex_);
      TRY(const bool some, Read(&block->text));
      if (!some) return false;
    }
    std::string_view rest = block->text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.size() > schema::limits::kEventBytes) return TooLong();
      if (!line.empty()) block->lines.push_back(line);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return true;
  }
  double Done() const override {
    if (size_ == 0) return 0;
    return std::min(1.0, static_cast<double>(read_.load()) / static_cast<double>(size_));
  }

 private:
  static Error TooLong() {
    return Error{&kBadInput, "a line is longer than " +
                                 std::to_string(schema::limits::kEventBytes) + " octets"};
  }
  // Whole lines; what follows the last line feed is kept for the next call.
  Result<bool> Read(std::string* text) {
    text->swap(carry_);
    carry_.clear();
    const std::size_t had = text->size();
    text->resize(had + kBlockBytes);
    const std::size_t got = std::fread(text->data() + had, 1, kBlockBytes, file_);
    text->resize(had + got);
    if (got < kBlockBytes && std::ferror(file_) != 0) {
      return Error{&kBadInput, std::string("events: ") + std::strerror(errno)};
    }
    read_ += got;
    if (got == 0) return !text->empty();
    const std::size_t last = text->rfind('\n');
    if (last == std::string::npos) {
      if (text->size() > schema::limits::kEventBytes) return TooLong();
      if (got == kBlockBytes) return TooLong();
      return true;
    }
    carry_ = text->substr(last + 1);
    if (carry_.size() > schema::limits::kEventBytes) return TooLong();
    text->resize(last + 1);
    return true;
  }

  std::FILE* const file_;
  const std::uint64_t size_;  // octets; 0: unknown
  std::atomic<std::uint64_t> read_{0};
  std::mutex mutex_;
  std::string carry_;
};

}  // namespace

Result<std::unique_ptr<EventSource>> EventsOfStore(
    const std::vector<std::unique_ptr<Reader>>& shards, std::optional<schema::TimeMs> since) {
  std::vector<std::unique_ptr<StoreSource>> sources;
  for (const auto& reader : shards) {
    TRY(const SignedTreeHead head, reader->LatestTreeHead(LogName::kEvents));
    std::uint64_t first = 0;
    if (since) {
      TRY(first, FirstSince(*reader, head.head.size, *since));
    }
    sources.push_back(std::make_unique<StoreSource>(*reader, first, head.head.size));
  }
  return std::unique_ptr<EventSource>(std::make_unique<ShardsSource>(std::move(sources)));
}

Result<std::unique_ptr<EventSource>> EventsOfFile(const std::filesystem::path& path) {
  if (path == "-") return std::unique_ptr<EventSource>(std::make_unique<FileSource>(stdin, 0));
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) {
    return Error{&kBadInput, path.string() + ": " + std::strerror(errno)};
  }
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  return std::unique_ptr<EventSource>(
      std::make_unique<FileSource>(file, ignored ? std::uint64_t{0} : std::uint64_t{size}));
}

}  // namespace ca
