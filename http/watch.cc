#include "http/watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <system_error>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace http {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr int kSymlinksMax = 40;  // as the kernel's
// A file that is written in place counts when its writer is done.
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                  IN_DELETE | IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kAlways = IN_Q_OVERFLOW | IN_IGNORED | IN_MOVE_SELF;

void Signal(int fd) {
  const std::uint64_t one = 1;
  // EAGAIN: the counter is full, so the reader is woken anyway.
  [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
}

void PushFront(std::deque<fs::path>& parts, const fs::path& path) {
  std::vector<fs::path> more(path.begin(), path.end());
  parts.insert(parts.begin(), more.begin(), more.end());
}

}  // namespace

std::map<fs::path, std::set<std::string>> PlacesOf(const fs::path& file) {
  std::map<fs::path, std::set<std::string>> places;
  std::deque<fs::path> rest;
  PushFront(rest, fs::absolute(file).relative_path());
  fs::path at = "/";
  for (int symlinks = 0; !rest.empty();) {
    const fs::path part = rest.front();
    rest.pop_front();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      at = at.parent_path();
      continue;
    }
    const fs::path next = at / part;
    std::error_code failed;
    const fs::file_status status = fs::symlink_status(next, failed);
    const bool link = fs::is_symlink(status);
    if (link || rest.empty() || !fs::exists(status)) places[at].insert(part.string());
    if (!link) {
      if (!fs::exists(status)) break;
      at = next;
      continue;
    }
    const fs::path target = fs::read_symlink(next, failed);
    if (failed || ++symlinks > kSymlinksMax) break;
    if (target.is_absolute()) at = "/";
    PushFront(rest, target.relative_path());
  }
  return places;
}

Watch::Watch(std::vector<fs::path> files, WatchSettings settings)
    : files_(std::move(files)),
      settings_(settings),
      changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      asked_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      stopped_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  MUST(asked_ >= 0 && stopped_ >= 0);
  Arm();
}

Watch::~Watch() {
  for (const int fd : {changes_, asked_, stopped_}) {
    if (fd >= 0) ::close(fd);
  }
}

void Watch::Ask() { Signal(asked_); }
void Watch::Stop() { Signal(stopped_); }

void Watch::Arm() {
  std::map<fs::path, std::set<std::string>> places;
  for (const fs::path& file : files_) {
    for (auto& [directory, names] : PlacesOf(file)) places[directory].merge(names);
  }
  std::map<int, std::set<std::string>> names;
  blind_.clear();
  for (auto& [directory, wanted] : places) {
    const int watch = changes_ < 0 ? -1 : ::inotify_add_watch(changes_, directory.c_str(), kEvents);
    if (watch < 0) {
      blind_.push_back(directory);
    } else {
      names[watch].merge(wanted);  // two paths may lead to one directory
    }
  }
  for (const auto& [watch, old] : names_) {
    if (!names.contains(watch)) ::inotify_rm_watch(changes_, watch);
  }
  names_ = std::move(names);
}

bool Watch::TakeChanges() {
  if (changes_ < 0) return false;
  bool ours = false;
  alignas(inotify_event) std::array<char, 4096> block;
  while (true) {
    const ssize_t got = ::read(changes_, block.data(), block.size());
    if (got <= 0) return ours;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event;
      std::memcpy(&event, block.data() + at, sizeof event);
      const char* name = block.data() + at + sizeof event;
      const auto watch = names_.find(event.wd);
      // Of watches that Arm removed, only the farewell is left.
      if (event.wd == -1 || watch != names_.end()) {
        ours = ours || (event.mask & kAlways) != 0 ||
               (event.len > 0 && watch != names_.end() && watch->second.contains(name));
      }
      at += sizeof event + event.len;
    }
  }
}

void Watch::ComeToRest() {
  const auto end = schema::Steady::now() + settings_.quiet_max;
  auto rest = schema::Steady::now() + settings_.quiet;
  while (true) {
    const auto now = schema::Steady::now();
    const auto until = std::min(rest, end);
    if (now >= until) return;
    std::array<pollfd, 2> fds{{{changes_, POLLIN, 0}, {stopped_, POLLIN, 0}}};
    const auto pause = std::chrono::ceil<milliseconds>(until - now);
    ::poll(fds.data(), fds.size(), static_cast<int>(pause.count()));
    if (fds[1].revents != 0) return;
    if (fds[0].revents != 0 && TakeChanges()) rest = schema::Steady::now() + settings_.quiet;
  }
}

Watch::Woken Watch::Wait(milliseconds at_most) {
  const auto end = schema::Steady::now() + at_most;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - schema::Steady::now());
    std::array<pollfd, 3> fds{{{changes_, POLLIN, 0}, {asked_, POLLIN, 0}, {stopped_, POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max(left, milliseconds(0)).count()));
    if (fds[2].revents != 0) return Woken::kStopped;  // never read: it stays
    if (fds[1].revents != 0) {
      std::uint64_t count;
      [[maybe_unused]] const ssize_t got = ::read(asked_, &count, sizeof count);
      Arm();
      return Woken::kAsked;
    }
    if (fds[0].revents != 0 && TakeChanges()) {
      ComeToRest();
      Arm();
      return Woken::kChanged;
    }
    if (schema::Steady::now() >= end) {
      Arm();
      return Woken::kTime;
    }
  }
}

}  // namespace http
