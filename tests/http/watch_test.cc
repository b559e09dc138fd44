#include "http/watch.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <thread>

#include "schema/base/result.h"

namespace {

namespace fs = std::filesystem;
using http::PlacesOf;
using http::Watch;
using std::chrono::milliseconds;
using Woken = http::Watch::Woken;

constexpr http::WatchSettings kQuick{milliseconds(20), milliseconds(200)};
constexpr milliseconds kLong{10000}, kShort{150};

class TempDir {
 public:
  TempDir() {
    std::string name = (fs::temp_directory_path() / "watch-XXXXXX").string();
    MUST(::mkdtemp(name.data()) != nullptr);
    path_ = fs::canonical(name);
  }
  ~TempDir() { fs::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

void Write(const fs::path& path, const char* text) { std::ofstream(path) << text; }

// As Kubernetes lays out a mounted ConfigMap: policy.yaml → ..data/policy.yaml, ..data → ..1.
void MakeVolume(const TempDir& dir) {
  fs::create_directory(dir / "..1");
  Write(dir / "..1" / "policy.yaml", "one");
  fs::create_symlink("..1", dir / "..data");
  fs::create_symlink("..data/policy.yaml", dir / "policy.yaml");
}

void SwapVolume(const TempDir& dir) {
  fs::create_directory(dir / "..2");
  Write(dir / "..2" / "policy.yaml", "two");
  fs::create_symlink("..2", dir / "..data_tmp");
  fs::rename(dir / "..data_tmp", dir / "..data");
  fs::remove_all(dir / "..1");
}

TEST_CASE("every way to replace a file is noticed") {
  struct Case {
    const char* name;
    std::function<void(const TempDir&)> prepare, change;
  };
  const auto plain = [](const TempDir& dir) { Write(dir / "policy.yaml", "one"); };
  const Case cases[] = {
      {"written in place", plain, [](const TempDir& dir) { Write(dir / "policy.yaml", "two"); }},
      {"renamed over", plain,
       [](const TempDir& dir) {
         Write(dir / "policy.yaml.new", "two");
         fs::rename(dir / "policy.yaml.new", dir / "policy.yaml");
       }},
      {"deleted and made again", plain,
       [](const TempDir& dir) {
         fs::remove(dir / "policy.yaml");
         Write(dir / "policy.yaml", "two");
       }},
      {"comes where there was none", [](const TempDir&) {},
       [](const TempDir& dir) { Write(dir / "policy.yaml", "two"); }},
      {"..data is swapped", MakeVolume, SwapVolume},
      {"written behind its symlinks", MakeVolume,
       [](const TempDir& dir) { Write(dir / "..1" / "policy.yaml", "two"); }},
      {"its permissions change", plain,
       [](const TempDir& dir) { fs::permissions(dir / "policy.yaml", fs::perms::owner_read); }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const TempDir dir;
    c.prepare(dir);
    Watch watch({dir / "policy.yaml"}, kQuick);
    CHECK(watch.blind().empty());
    CHECK_EQ(watch.Wait(milliseconds(1)), Woken::kTime);
    c.change(dir);
    CHECK_EQ(watch.Wait(kLong), Woken::kChanged);
    // And the next change too, wherever the file is now.
    Write(dir / "policy.yaml.next", "three");
    fs::rename(dir / "policy.yaml.next", fs::weakly_canonical(dir / "policy.yaml"));
    CHECK_EQ(watch.Wait(kLong), Woken::kChanged);
  }
}

TEST_CASE("neighbours of the file are not its changes") {
  const TempDir dir;
  Write(dir / "policy.yaml", "one");
  Watch watch({dir / "policy.yaml"}, kQuick);
  Write(dir / "chancery.log", "a line");
  Write(dir / ".policy.yaml.swp", "an editor's");
  CHECK_EQ(watch.Wait(kShort), Woken::kTime);
}

TEST_CASE("a burst is one change, and one without end is reported all the same") {
  const TempDir dir;
  Write(dir / "policy.yaml", "one");
  Watch watch({dir / "policy.yaml"}, kQuick);
  for (int i = 0; i < 10; ++i) Write(dir / "policy.yaml", "more");
  CHECK_EQ(watch.Wait(kLong), Woken::kChanged);
  CHECK_EQ(watch.Wait(kShort), Woken::kTime);

  std::atomic<bool> done{false};
  std::thread writer([&] {
    while (!done) Write(dir / "policy.yaml", "more");
  });
  CHECK_EQ(watch.Wait(kLong), Woken::kChanged);
  done = true;
  writer.join();
}

TEST_CASE("who asks and who stops wakes the waiting thread, also before it waits") {
  const TempDir dir;
  Watch watch({dir / "policy.yaml"}, kQuick);
  watch.Ask();
  watch.Ask();
  CHECK_EQ(watch.Wait(kLong), Woken::kAsked);
  CHECK_EQ(watch.Wait(milliseconds(1)), Woken::kTime);
  std::thread other([&] { watch.Stop(); });
  CHECK_EQ(watch.Wait(kLong), Woken::kStopped);
  other.join();
  CHECK_EQ(watch.Wait(kLong), Woken::kStopped);
}

TEST_CASE("the places of a file are those of its symlinks and its own") {
  const TempDir dir;
  MakeVolume(dir);
  const auto places = PlacesOf(dir / "policy.yaml");
  CHECK_EQ(places.at((dir / "policy.yaml").parent_path()),
           std::set<std::string>{"..data", "policy.yaml"});
  CHECK_EQ(places.at(dir / "..1"), std::set<std::string>{"policy.yaml"});
  CHECK_EQ(places.size(), 2);

  fs::create_symlink("loop", dir / "loop");
  CHECK_EQ(PlacesOf(dir / "loop").size(), 1);
  const auto missing = PlacesOf(dir / "not" / "there" / "policy.yaml");
  CHECK_EQ(missing.at((dir / "not").parent_path()), std::set<std::string>{"not"});
  CHECK_EQ(missing.size(), 1);
}

TEST_CASE("a directory that is not there is said and does not stop the watch") {
  const TempDir dir;
  fs::create_directory(dir / "etc");
  Write(dir / "etc" / "policy.yaml", "one");
  Watch watch({dir / "etc" / "policy.yaml"}, kQuick);
  fs::remove_all(dir / "etc");
  CHECK_EQ(watch.Wait(kLong), Woken::kChanged);
  fs::create_directory(dir / "etc");
  CHECK_EQ(watch.Wait(kLong), Woken::kChanged);
  Write(dir / "etc" / "policy.yaml", "two");
  CHECK_EQ(watch.Wait(kLong), Woken::kChanged);
}

}  // namespace
