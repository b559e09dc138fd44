// Notices that one of a few files may have changed, however it was replaced: written in place,
// renamed over, or by a symlink on its path that was swapped (Kubernetes' ..data, a release's
// "current").
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace http {

struct WatchSettings {
  std::chrono::milliseconds quiet{100};       // after the last change of a burst
  std::chrono::milliseconds quiet_max{2000};  // of a burst that does not end
};

// By directory, the names whose change can give `file` another content: that of each symlink on
// its path, and its own. A part that does not exist is named too, so that it is noticed when it
// comes. At most 40 symlinks are followed.
std::map<std::filesystem::path, std::set<std::string>> PlacesOf(const std::filesystem::path& file);

// One thread waits; Ask and Stop are for any thread.
class Watch {
 public:
  enum class Woken { kChanged, kAsked, kTime, kStopped };

  // Never fails: where the system has no watches left, Wait still returns when its time is over.
  explicit Watch(std::vector<std::filesystem::path> files, WatchSettings settings = {});
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Until a change has come to rest, somebody asks, or `at_most` is over. What happens while nobody
  // waits is kept for the next call. Once stopped, always kStopped.
  Woken Wait(std::chrono::milliseconds at_most);
  void Ask();
  void Stop();

  // Directories of PlacesOf that cannot be watched.
  const std::vector<std::filesystem::path>& blind() const { return blind_; }

 private:
  void Arm();
  // Empties the queue; true when one of the names was in it.
  bool TakeChanges();
  void ComeToRest();

  const std::vector<std::filesystem::path> files_;
  const WatchSettings settings_;
  int changes_;                                 // inotify
  int asked_, stopped_;                         // eventfd
  std::map<int, std::set<std::string>> names_;  // by watch
  std::vector<std::filesystem::path> blind_;
};

}  // namespace http
