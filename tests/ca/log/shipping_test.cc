// Checkpoints arrive where they are shipped, and what arrived is held against the next start.
#include "ca/log/shipping.h"

#include <doctest/doctest.h>

#include <fstream>

#include "ca/log/past.h"
#include "schema/base/file.h"
#include "tests/ca/log/house.h"
#include "tests/support/witness_network.h"

namespace {

using ca::NewestIn;
using log_test::House;
using log_test::WaitFor;
using schema::ShipSettings;
using Texts = std::vector<std::string>;

std::filesystem::path FileOf(const House& house) { return house.directory.path() / "shipped"; }

void ShipToFile(House& house) {
  house.watchers.ship = {{ShipSettings::To::kFile, FileOf(house).string(), {}}};
}

std::uint64_t SizeOf(const std::string& checkpoint) {
  const auto note = schema::ParseNote(checkpoint);
  REQUIRE(note);
  const auto body = schema::ParseCheckpointText(note->text);
  REQUIRE(body);
  return body->size;
}

// The certificates that the newest record in the file speaks of.
bool WaitShipped(const House& house, std::uint64_t size) {
  return WaitFor([&] {
    const auto text = schema::ReadFile(FileOf(house));
    const Texts notes = text ? NewestIn(*text) : Texts();
    return notes.size() == 2 && SizeOf(notes[0]) >= size;
  });
}

TEST_CASE("the newest record is the last whole line that is one") {
  const auto record = [](const std::string& name) {
    return ca::ShippedRecord(name + " c", name + " e", schema::TimeMs{});
  };
  CHECK_EQ(record("a"),
           "{\"certificates\":\"a c\",\"events\":\"a e\",\"time\":\"1970-01-01T00:00:00.000Z\"}\n");
  const struct {
    std::string_view name;
    std::string lines;
    Texts want;
  } kCases[] = {
      {"nothing", "", {}},
      {"one", record("a"), {"a c", "a e"}},
      {"two", record("a") + record("b"), {"b c", "b e"}},
      {"a cut line at the end", record("a") + record("b").substr(0, 20), {"a c", "a e"}},
      {"a cut line, ended", record("a") + "{\"certificates\":\n" + record("b"), {"b c", "b e"}},
      {"a cut line, ended, at the end", record("a") + "{\"certi\n", {"a c", "a e"}},
      {"empty lines", record("a") + "\n\n", {"a c", "a e"}},
      {"a cut line at the beginning", "5}\n" + record("a"), {"a c", "a e"}},
      {"one log", ca::ShippedRecord("", "e", {}), {"e"}},
      {"no log", "{\"time\":\"now\"}\n", {}},
      {"no text", "{\"events\":5}\n", {}},
      {"no object", "[]\n5\n", {}},
      {"newlines only", "\n\n\n", {}},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    CHECK_EQ(NewestIn(c.lines), c.want);
  }
}

TEST_CASE("each checkpoint is a line in the file, of both logs, also over a restart") {
  House house;
  ShipToFile(house);
  REQUIRE(house.Open());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    REQUIRE(house.Issue());
    REQUIRE(house.WaitPublished(i));
  }
  house.Close();  // ships what waits
  REQUIRE(WaitShipped(house, 3));
  const std::string before = *schema::ReadFile(FileOf(house));
  std::ofstream(FileOf(house), std::ios::app) << "{\"certificates\":\"cut";  // by a crash
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(WaitShipped(house, 4));
  CHECK(schema::ReadFile(FileOf(house))->starts_with(before));
  CHECK_EQ(house.log().State().shipping.at(0).trouble, "");
}

TEST_CASE("a state that lacks what was shipped, or has something else, is refused") {
  House house;
  ShipToFile(house);
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(1));
  house.Close();
  std::filesystem::copy(house.config.state, house.directory.path() / "backup",
                        std::filesystem::copy_options::recursive);
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(2));
  REQUIRE(WaitShipped(house, 2));
  const auto put_back = [&] {
    house.Close();
    std::filesystem::remove_all(house.config.state);
    std::filesystem::copy(house.directory.path() / "backup", house.config.state,
                          std::filesystem::copy_options::recursive);
  };
  put_back();
  const auto check_refused = [&](std::string_view why) {
    const auto refused = house.Open();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(ca::kRolledBack));
    CAPTURE(refused.error().detail);
    CHECK_NE(refused.error().detail.find(FileOf(house).string()), std::string::npos);
    CHECK_NE(refused.error().detail.find(why), std::string::npos);
  };
  check_refused("has a checkpoint of 2 certificates, signed by this log; here are 1");

  // As long as what was shipped, and not the same: signed by a CA that went on from the old state.
  auto ship = std::move(house.watchers.ship);
  house.watchers.ship.clear();
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(3));
  house.watchers.ship = std::move(ship);
  check_refused("the first 2 here have another root");

  // An empty state has lost everything.
  house.Close();
  std::filesystem::remove_all(house.config.state);
  check_refused("here are 0");
}

TEST_CASE("what proves nothing is journalled and passed over") {
  House house;
  ShipToFile(house);
  REQUIRE(house.Open());
  REQUIRE(house.Issue());
  REQUIRE(WaitShipped(house, 1));
  House other;  // with keys of its own and the same origins
  ShipToFile(other);
  std::filesystem::copy(FileOf(house), FileOf(other));
  REQUIRE(other.Open());
  const auto lines = other.journal.lines();
  CHECK(std::ranges::count_if(lines, [](const std::string& line) {
          return line.starts_with("log-not-compared");
        }) == 2);
}

TEST_CASE("a place that does not take a record is told once, and gets the newest when it does") {
  House house;
  support::FakeNetwork network;
  house.sender = &network;
  house.watchers.ship = {{ShipSettings::To::kUrl, "https://audit.example/c", {}}};
  REQUIRE(house.Open());
  REQUIRE(WaitFor([&] { return !house.log().State().shipping.at(0).trouble.empty(); }));
  REQUIRE(house.Issue());
  REQUIRE(house.WaitPublished(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // ten checkpoints: all is published
  std::mutex mutex;
  std::string newest;
  network.Set("https://audit.example", [&](const schema::SendRequest& request) {
    const std::lock_guard lock(mutex);
    if (request.method == "POST") newest = request.body;
    return schema::Result<schema::SendAnswer>(schema::SendAnswer{200, "", newest});
  });
  // Nothing new is published, and it gets what it lacks all the same.
  REQUIRE(WaitFor([&] {
    const std::lock_guard lock(mutex);
    const Texts notes = NewestIn(newest);
    return notes.size() == 2 && SizeOf(notes[0]) == 1;
  }));
  REQUIRE(WaitFor([&] { return house.log().State().shipping.at(0).trouble.empty(); }));
  const auto count = [&](const std::string& type) {
    return house.Ask("SELECT count(*) FROM entry WHERE CAST(data AS TEXT) LIKE '%\"type\":\"" +
                     type + "\"%'");
  };
  REQUIRE(WaitFor([&] { return count("shipping-recovered") == 1; }));
  CHECK_EQ(count("shipping-failed"), 1);
  // At least the checkpoint of the start; others may have come before this one.
  CHECK_EQ(house.Ask("SELECT count(*) FROM entry WHERE CAST(data AS TEXT) LIKE "
                     "'%\"missed\":%\"type\":\"shipping-recovered\"%' AND CAST(data AS TEXT) NOT "
                     "LIKE '%\"missed\":0,%'"),
           1);

  // What it gives back is compared too.
  house.Close();
  std::filesystem::remove_all(house.config.state);
  const auto refused = house.Open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(ca::kRolledBack));
}

}  // namespace
