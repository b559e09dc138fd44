// The thread that enters stamps: soon when it is quiet, at once when a batch is full, again after a
// log that took nothing, and all of it at the stop.
#include "ca/tsa/stamping.h"

#include <doctest/doctest.h>

#include <atomic>
#include <set>

#include "tests/ca/tsa/rig.h"
#include "tests/support/fakes.h"

namespace {

using namespace std::chrono_literals;
using schema::Json;
using schema::Steady;

const schema::ErrorKind kFull{"full", schema::Fault::kBusy, "the disk is full"};

struct House {
  schema::Outcome Open() {
    schema::TsaSettings settings;
    settings.policy = "2.999.1";
    auto opened =
        ca::Stamping::Open(settings, certificates.Load(),
                           {clock, &discipline, signer,
                            [this](Json event) { return Enter(std::move(event)); }, journal});
    if (!opened) return opened.error();
    stamping = *std::move(opened);
    return schema::Ok();
  }
  schema::Outcome Enter(Json event) {
    if (full) return schema::Error{&kFull, "no space left"};
    const std::lock_guard lock(mutex);
    events.push_back(std::move(event));
    return schema::Ok();
  }
  std::size_t Told() {
    const std::lock_guard lock(mutex);
    std::size_t told = 0;
    for (const Json& event : events) {
      if (event["type"] == "timestamps") told += event["stamps"].size();
    }
    return told;
  }
  bool Stamp() {
    const auto request = ca::ParseTimestampRequest(rig::DerOf(rig::MakeRequest({}).get()));
    MUST(request.has_value());
    return stamping->Stamp(*request).has_value();
  }
  // Until `done`, or for long enough to say that it never is.
  template <class Done>
  static bool Await(const Done& done) {
    for (const auto end = Steady::now() + 20s; Steady::now() < end;) {
      if (done()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

  rig::Certificates certificates;
  rig::SetClock clock;
  rig::SetDiscipline discipline;
  rig::SoftwareSigner signer{certificates.key()};
  support::MemoryJournal journal;
  std::atomic<bool> full = false;
  std::mutex mutex;
  std::vector<Json> events;  // guarded by mutex
  std::unique_ptr<ca::Stamping> stamping;
};

}  // namespace

TEST_CASE("A stamp of a quiet time is entered, and a quiet time enters nothing") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Stamp());
  CHECK_EQ(house.stamping->made(), 1);
  CHECK(House::Await([&] { return house.Told() == 1; }));
  std::this_thread::sleep_for(ca::Stamping::kTurnEvery + 200ms);
  CHECK_EQ(house.events.size(), 2);  // the opening, and the one stamp
}

TEST_CASE("More than two batches, one after the other: none waits and none is lost") {
  House house;
  REQUIRE(house.Open());
  std::size_t made = 0;
  CHECK(House::Await([&] {
    made += house.Stamp() ? 1 : 0;  // both batches may be full for a moment
    return made == 3 * ca::kStampsInBatchMax;
  }));
  house.stamping.reset();
  CHECK_EQ(house.Told(), made);
  std::set<std::string> serials;
  for (const Json& event : house.events) {
    if (event["type"] != "timestamps") continue;
    for (const Json& stamp : event["stamps"]) serials.insert(stamp["serial"]);
  }
  CHECK_EQ(serials.size(), made);
}

TEST_CASE("What is left is entered at the stop, without waiting for the thread's next turn") {
  House house;
  REQUIRE(house.Open());
  REQUIRE(house.Stamp());
  const auto begin = Steady::now();
  house.stamping.reset();
  CHECK_LT(Steady::now() - begin, ca::Stamping::kTurnEvery);
  CHECK_EQ(house.Told(), 1);
}

TEST_CASE("A log that takes nothing: told once, stamps until the batches are full, then heals") {
  House house;
  REQUIRE(house.Open());
  house.full = true;
  REQUIRE(house.Stamp());
  REQUIRE(House::Await([&] { return house.stamping->Trouble().has_value(); }));
  CHECK_NE(house.stamping->Trouble()->find("no space left"), std::string::npos);
  std::size_t more = 0;
  while (house.Stamp()) ++more;
  // The batch whose event failed is closed, and written again as it was; the other one fills.
  CHECK_EQ(more, ca::kStampsInBatchMax);
  CHECK_EQ(house.Told(), 0);
  house.full = false;
  CHECK(House::Await([&] { return house.Told() == more + 1; }));
  CHECK(House::Await([&] { return !house.stamping->Trouble().has_value(); }));
  CHECK(house.Stamp());
}

TEST_CASE("It does not open without its first event, and says what the clock's trouble is") {
  House house;
  house.full = true;
  const auto refused = house.Open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().Is(kFull));
  house.full = false;
  REQUIRE(house.Open());
  CHECK_FALSE(house.stamping->Trouble());
  house.discipline.trouble = "nobody keeps it";
  CHECK_EQ(house.stamping->Trouble(), "nobody keeps it");
  CHECK_FALSE(house.Stamp());
  house.discipline.trouble.reset();
  house.clock.now -= 1h;
  CHECK_NE(house.stamping->Trouble().value_or("").find("set back"), std::string::npos);
  CHECK_FALSE(house.Stamp());
  house.clock.now += 1h;
  CHECK(house.Stamp());
}
