#include "http/reload.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "schema/base/bytes.h"
#include "schema/base/limits.h"
#include "tests/support/fakes.h"

namespace {

namespace fs = std::filesystem;
using schema::Error;
using schema::Fault;
using schema::Json;
using schema::Outcome;
using std::chrono::milliseconds;

const schema::ErrorKind kBroken{"broken", Fault::kUs, "the text is broken"};
const schema::ErrorKind kAway{"away", Fault::kBusy, "the log is away"};
constexpr schema::Time kNow{std::chrono::seconds{1795255200}};

// One file, whose text is taken unless it says "broken", and a log that may be away.
struct World {
  World() {
    std::string name = (fs::temp_directory_path() / "reload-XXXXXX").string();
    MUST(::mkdtemp(name.data()) != nullptr);
    directory = name;
    Write("one");
    http::ReloadSettings settings;
    settings.look = milliseconds(3600 * 1000);  // only what is noticed counts
    settings.retry = milliseconds(10);
    settings.watch = {milliseconds(10), milliseconds(100)};
    reloader = std::make_unique<http::Reloader>(
        std::vector<http::ReloadedFile>{{"policy", directory / "policy.yaml",
                                         schema::TextDigest("one"),
                                         [this](const std::string& text) { return Load(text); }}},
        [this](Json event) { return Note(std::move(event)); }, clock, journal, settings);
  }
  ~World() {
    reloader.reset();
    fs::remove_all(directory);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Renamed over: no reader sees half of it.
  void Write(const std::string& text) const {
    std::ofstream(directory / "new") << text;
    fs::rename(directory / "new", directory / "policy.yaml");
  }
  Outcome Load(const std::string& text) {
    if (text.find("broken") != std::string::npos) return Error{&kBroken, "line 3"};
    const std::lock_guard lock(mutex);
    ++loads;
    if (away) return Error{&kAway, ""};
    loaded.push_back(text);
    return schema::Ok();
  }
  Outcome Note(Json event) {
    const std::lock_guard lock(mutex);
    if (away) return Error{&kAway, ""};
    events.push_back(event.dump());
    return schema::Ok();
  }
  http::FileState State() const { return reloader->States().front(); }
  std::size_t Loaded() {
    const std::lock_guard lock(mutex);
    return loaded.size();
  }
  std::vector<std::string> Events() {
    const std::lock_guard lock(mutex);
    return events;
  }
  void Away(bool now) {
    const std::lock_guard lock(mutex);
    away = now;
  }
  int Loads() {
    const std::lock_guard lock(mutex);
    return loads;
  }
  bool Said(std::string_view text) const {
    for (const std::string& line : journal.lines()) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

  fs::path directory;
  support::FakeClock clock{kNow};
  support::MemoryJournal journal;
  std::mutex mutex;
  bool away = false;  // guarded by mutex, as all below
  int loads = 0;
  std::vector<std::string> loaded, events;
  std::unique_ptr<http::Reloader> reloader;
};

template <class Done>
bool WaitFor(const Done& done) {
  const auto end = schema::Steady::now() + std::chrono::seconds(10);
  while (!done()) {
    if (schema::Steady::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

TEST_CASE("another text is loaded once, and the state says since when") {
  World world;
  world.reloader->Start();
  world.clock.Advance(std::chrono::minutes(5));
  world.Write("two");
  REQUIRE(WaitFor([&] { return world.State().digest == schema::TextDigest("two"); }));
  CHECK_EQ(world.Loaded(), 1);
  CHECK(world.State().since == kNow + std::chrono::minutes(5));
  CHECK_EQ(world.State().refused, "");
  CHECK_EQ(world.State().Describe(),
           "serving " + schema::TextDigest("two") + " since 2026-11-21T10:05:00.000Z");
  CHECK_EQ(world.State().failures, 0);
}

TEST_CASE("what changed between its first reading and the start is not missed") {
  World world;
  world.Write("two");
  world.reloader->Start();
  CHECK(WaitFor([&] { return world.State().digest == schema::TextDigest("two"); }));
}

TEST_CASE("the same text is not loaded again, whoever touches the file or asks") {
  World world;
  world.reloader->Start();
  world.Write("one");
  world.reloader->Ask();
  REQUIRE(WaitFor([&] { return world.Said("file-unchanged"); }));
  CHECK_EQ(world.Loads(), 0);
}

TEST_CASE("a broken text is refused once, and the old one stays until there is a better one") {
  World world;
  world.reloader->Start();
  world.Write("broken");
  REQUIRE(WaitFor([&] { return !world.Events().empty(); }));
  const http::FileState state = world.State();
  CHECK_EQ(state.digest, schema::TextDigest("one"));
  CHECK_EQ(state.refused, "broken: the text is broken (line 3)");
  CHECK_EQ(state.failures, 1);
  CHECK_EQ(state.Describe().rfind("refused: broken: the text is broken (line 3); serving ", 0), 0);
  CHECK(world.Said("file-refused"));
  const Json event = Json::parse(world.Events().front());
  CHECK_EQ(event["type"], "policy-refused");
  CHECK_EQ(event["policy_digest"], schema::TextDigest("one"));
  CHECK_EQ(event["refused_digest"], schema::TextDigest("broken"));

  SUBCASE("it is loaded when it is mended") {
    world.Write("two");
    REQUIRE(WaitFor([&] { return world.State().digest == schema::TextDigest("two"); }));
    CHECK_EQ(world.State().refused, "");
  }
  SUBCASE("nothing is loaded when the old text comes back") {
    world.Write("one");
    REQUIRE(WaitFor([&] { return world.State().refused.empty(); }));
    CHECK_EQ(world.Loads(), 0);
  }
  SUBCASE("who asks gets another attempt, and another event") {
    world.reloader->Ask();
    REQUIRE(WaitFor([&] { return world.Events().size() == 2; }));
    CHECK_EQ(world.State().failures, 2);
  }
  SUBCASE("a file that is gone is refused too") {
    fs::remove(world.directory / "policy.yaml");
    REQUIRE(WaitFor([&] { return world.Events().size() == 2; }));
    CHECK_EQ(world.State().refused.rfind("file-unreadable", 0), 0);
    CHECK_EQ(Json::parse(world.Events().back()).count("refused_digest"), 0);
    CHECK_EQ(world.State().digest, schema::TextDigest("one"));
  }
}

TEST_CASE("a log that is away delays a load and loses no event") {
  World world;
  world.Away(true);
  world.reloader->Start();
  world.Write("two");
  REQUIRE(WaitFor([&] { return world.Loads() >= 3; }));  // again and again
  CHECK_EQ(world.State().digest, schema::TextDigest("one"));
  CHECK_EQ(world.State().failures, 1);  // of one text
  SUBCASE("the text is loaded when the log is back") {
    world.Away(false);
    REQUIRE(WaitFor([&] { return world.State().digest == schema::TextDigest("two"); }));
    CHECK_EQ(world.Events().size(), 1);
  }
  SUBCASE("the old text coming back is loaded, because the other may be in force") {
    world.Write("one");
    world.Away(false);
    REQUIRE(WaitFor([&] {
      const std::lock_guard lock(world.mutex);
      return !world.loaded.empty() && world.loaded.back() == "one";
    }));
    CHECK(WaitFor([&] { return world.State().refused.empty(); }));
  }
}

TEST_CASE("a reloader stops while its log is away, and without ever having started") {
  { const World idle; }
  World world;
  world.Away(true);
  world.reloader->Start();
  world.Write("two");
  REQUIRE(WaitFor([&] { return world.Loads() >= 1; }));
  world.reloader->Stop();
  const int loads = world.Loads();
  world.Write("three");
  CHECK_EQ(world.Loads(), loads);
}

}  // namespace
