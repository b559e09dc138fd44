// What happens to the files of a state: each is noticed, or harms nothing that was promised. The
// table of ca/log/README.md names these cases.
#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "ca/log/sqlite.h"
#include "schema/log/leaf.h"
#include "schema/log/merkle.h"
#include "tests/ca/log/house.h"

namespace {

namespace fs = std::filesystem;
using log_test::House;
using log_test::WaitFor;

void Fill(House& house, int certificates) {
  REQUIRE(house.Open());
  for (int i = 0; i < certificates; ++i) REQUIRE(house.Issue("t" + std::to_string(i)));
  REQUIRE(house.WaitPublished(static_cast<std::uint64_t>(certificates)));
  REQUIRE(WaitFor([&] {
    return house.Ask("SELECT count(*) FROM certificate WHERE certificate NOT NULL") == certificates;
  }));
}

bool Journalled(const House& house, const std::string& event, const std::string& text) {
  for (const std::string& line : house.journal.lines()) {
    if (line.starts_with(event) && line.find(text) != std::string::npos) return true;
  }
  return false;
}

struct Loss {
  const char* name;
  const char* file;  // named by the reason
  std::function<void(const fs::path& state)> happen;
};

const Loss kLosses[] = {
    {"the database is removed", "chancery.db",
     [](const fs::path& s) { fs::remove(s / "chancery.db"); }},
    {"the database is replaced by a copy", "chancery.db",
     [](const fs::path& s) {
       fs::copy_file(s / "chancery.db", s / "copy");
       fs::rename(s / "copy", s / "chancery.db");
     }},
    {"the write-ahead log is removed", "chancery.db-wal",
     [](const fs::path& s) { fs::remove(s / "chancery.db-wal"); }},
    {"the directory is moved away", "chancery.db",
     [](const fs::path& s) { fs::rename(s, s.parent_path() / "elsewhere"); }},
    {"the directory is replaced by a copy", "chancery.db",
     [](const fs::path& s) {
       fs::rename(s, s.parent_path() / "elsewhere");
       fs::copy(s.parent_path() / "elsewhere", s, fs::copy_options::recursive);
     }},
};

TEST_CASE("a running log whose files are gone halts, asked or not") {
  for (const Loss& loss : kLosses) {
    for (const bool asked : {true, false}) {
      CAPTURE(loss.name);
      CAPTURE(asked);
      House house;
      Fill(house, 3);
      loss.happen(house.config.state);
      if (asked) {
        CHECK(house.Issue("new").error().Is(ca::kLogHalted));
      } else {
        REQUIRE(WaitFor([&] { return !house.log().State().ready; }));
      }
      CHECK_NE(house.log().State().reason.find(loss.file), std::string::npos);
      CHECK(Journalled(house, "log-halted", loss.file));
      CHECK(house.Issue("newer").error().Is(ca::kLogHalted));
      CHECK_FALSE(fs::exists(house.config.state / "new"));
    }
  }
}

TEST_CASE("a directory that is back where it was goes on after a restart") {
  House house;
  Fill(house, 3);
  const fs::path elsewhere = house.config.directory / "elsewhere";
  fs::rename(house.config.state, elsewhere);
  REQUIRE(WaitFor([&] { return !house.log().State().ready; }));
  house.Close();
  fs::rename(elsewhere, house.config.state);
  REQUIRE(house.Open());
  CHECK_EQ(*house.Issue("new"), 3);
  REQUIRE(house.WaitPublished(4));
  CHECK_EQ(log_test::Inspect(house), "");
}

std::vector<schema::Hash> Leaves(const House& house, std::size_t count) {
  auto connection = ca::sqlite::Connection::Open(house.database(), {});
  auto read = (*connection)->Prepare("SELECT hash FROM hash WHERE id>=1<<43 ORDER BY id LIMIT ?");
  std::vector<schema::Hash> leaves;
  read->Start(static_cast<std::uint64_t>(count));
  while (true) {
    const auto row = read->Next();
    if (!row || !*row) return leaves;
    schema::Hash hash{};
    const schema::BytesView stored = read->Blob(0);
    std::copy_n(stored.begin(), std::min(stored.size(), hash.size()), hash.begin());
    leaves.push_back(hash);
  }
}

// A bit anywhere: SQLite finds it, the start finds it, or it is somewhere that no hash covers and
// the tree goes on from the entries that were promised.
TEST_CASE("a bit flipped anywhere in the database never forks the tree") {
  House house;
  Fill(house, 20);
  house.Close();
  const auto promised = Leaves(house, 20);
  std::ifstream in(house.database(), std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::mt19937_64 random(1);
  int noticed = 0;
  for (int i = 0; i < 60; ++i) {
    std::string bad = good;
    const std::size_t at = random() % bad.size();
    CAPTURE(at);
    bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
    std::ofstream(house.database(), std::ios::binary) << bad;
    if (!house.Open() || !house.Issue("new")) {
      ++noticed;
    } else {
      CHECK_EQ(Leaves(house, 20), promised);
    }
    house.Close();
    fs::remove(house.database().string() + "-wal");
    fs::remove(house.database().string() + "-shm");
  }
  CHECK_GT(noticed, 3);
}

// A state that was killed with eight certificates, five of them in `old.db`; `killed.db` and its
// write-ahead log are what was on the disk.
struct Killed {
  House house;
  fs::path old = house.config.directory / "old.db", killed = house.config.directory / "killed.db";
  fs::path database = house.database();

  Killed() {
    Fill(house, 5);
    house.Close();
    fs::copy_file(database, old);
    REQUIRE(house.Open());
    for (int i = 0; i < 3; ++i) REQUIRE(house.Issue());
    REQUIRE(house.WaitPublished(8));
    fs::copy_file(database, killed);
    fs::copy_file(database.string() + "-wal", killed.string() + "-wal");
    house.Close();
    Put(killed, database);
    Put(killed.string() + "-wal", database.string() + "-wal");
  }
  static void Put(const fs::path& from, const fs::path& to) {
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  }
};

struct Older {
  const char* name;
  std::function<void(Killed&)> happen;
};

const Older kOlder[] = {
    {"the database is lost", [](Killed& k) { fs::remove(k.database); }},
    {"database and write-ahead log are lost",
     [](Killed& k) {
       fs::remove(k.database);
       fs::remove(k.database.string() + "-wal");
     }},
    {"an older one was put back",
     [](Killed& k) {
       Killed::Put(k.old, k.database);
       fs::remove(k.database.string() + "-wal");
     }},
    {"the write-ahead log is lost", [](Killed& k) { fs::remove(k.database.string() + "-wal"); }},
    {"the database is cut short",
     [](Killed& k) { fs::resize_file(k.database, fs::file_size(k.database) / 2); }},
    {"the write-ahead log is cut short",
     [](Killed& k) { fs::resize_file(k.database.string() + "-wal", 9000); }},
    {"a bit is flipped in the write-ahead log",
     [](Killed& k) {
       std::fstream file(k.database.string() + "-wal", std::ios::in | std::ios::out);
       file.seekp(5000).put('\x55');
     }},
};

TEST_CASE("a database that has less than was published is noticed at start") {
  for (const Older& older : kOlder) {
    CAPTURE(older.name);
    Killed state;
    older.happen(state);
    const bool had = fs::exists(state.database);
    CHECK_FALSE(state.house.Open());
    CHECK_EQ(fs::exists(state.database), had);
    // The whole of it put back: the log goes on.
    fs::remove(state.database.string() + "-shm");
    Killed::Put(state.killed, state.database);
    Killed::Put(state.killed.string() + "-wal", state.database.string() + "-wal");
    REQUIRE(state.house.Open());
    CHECK_EQ(*state.house.Issue("new"), 8);
    REQUIRE(state.house.WaitPublished(9));
    CHECK_EQ(log_test::Inspect(state.house), "");
  }
}

TEST_CASE("a mark that was changed is refused, and one that is not there is made") {
  House house;
  Fill(house, 2);
  house.Close();
  const fs::path mark = house.config.state / "published";
  for (const char* text : {"", "certificates 2", "certificates 2 AAAA\nevents 5 AAAA\n"}) {
    CAPTURE(text);
    std::ofstream(mark) << text;
    CHECK_FALSE(house.Open());
  }
  fs::remove(mark);
  REQUIRE(house.Open());
  house.Close();
  CHECK(fs::exists(mark));
  CHECK(house.Open());
}

TEST_CASE("a clock behind the newest entry at start enters nothing until it has caught up") {
  House house;
  Fill(house, 1);
  house.Close();
  house.clock.Advance(-std::chrono::hours(1));
  REQUIRE(house.Open());
  CHECK_FALSE(house.log().State().ready);
  CHECK_NE(house.log().State().reason.find("clock"), std::string::npos);
  CHECK(house.Issue("new").error().Is(ca::kLogUnavailable));
  house.clock.Advance(std::chrono::hours(1));
  CHECK(house.log().State().ready);
  CHECK_EQ(*house.Issue("new"), 1);
}

TEST_CASE("a second server of one state is refused, under whatever name it comes") {
  House house;
  Fill(house, 1);
  schema::Config config = house.config;
  config.state = house.config.directory / "another-name";
  fs::create_directory_symlink(house.config.state, config.state);
  const auto second = ca::Log::Open(config, house.chain, house.custody, house.clock, house.journal);
  REQUIRE_FALSE(second);
  CHECK(second.error().Is(ca::kBadState));
}

// flock goes by the file, not by its name: who removes it takes the lock away.
TEST_CASE("of two servers that both have a lock, the one that comes late to a commit halts") {
  House house;
  Fill(house, 1);
  fs::remove(house.config.state / "lock");
  const auto second =
      ca::Log::Open(house.config, house.chain, house.custody, house.clock, house.journal);
  REQUIRE(second);
  REQUIRE((*second)->Note({{"type", "x"}}));
  CHECK(house.Issue("late").error().Is(ca::kLogHalted));
  const auto entered = (*second)->Enter(house.MakeGrant("goes on"));
  REQUIRE(entered);
  CHECK_EQ(entered->index(), 1);
}

}  // namespace
