// Whatever is interrupted, the events say which stamps there are or which there may be.
#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "ca/log/event.h"
#include "ca/tsa/stamp_book.h"
#include "schema/base/limits.h"
#include "tests/support/test_ca.h"

namespace {

const schema::ErrorKind kNoLog{"no-log", schema::Fault::kBusy, "the log takes nothing"};

struct Events {
  std::vector<schema::Json> entered;
  int failures = 0;

  ca::StampBook::Enter Enter() {
    return [this](schema::Json event) -> schema::Outcome {
      if (failures > 0) {
        --failures;
        return schema::Error{&kNoLog, ""};
      }
      REQUIRE(ca::EventText::Make(event));
      entered.push_back(std::move(event));
      return schema::Ok();
    };
  }
};

std::unique_ptr<ca::StampBook> Open(Events& events, std::size_t most) {
  auto book = ca::StampBook::Open(most, events.Enter());
  REQUIRE(book.has_value());
  return *std::move(book);
}

ca::Stamp AStamp() {
  return {schema::Sha256(schema::AsBytes("stamp")), "sha512:" + std::string(128, 'a'),
          support::kNow};
}

std::string Make(ca::StampBook& book) {
  auto place = book.Take();
  REQUIRE(place.has_value());
  const std::string serial = schema::Hex(place->serial());
  std::move(*place).Settle(AStamp());
  return serial;
}

}  // namespace

TEST_CASE("No serial is of a batch that was not opened before") {
  Events events;
  const auto book = Open(events, 2);
  REQUIRE_EQ(events.entered.size(), 1);
  CHECK_EQ(events.entered[0]["type"], "timestamps-opened");
  std::set<std::string> opened, serials;
  for (const auto& batch : events.entered[0]["batches"]) {
    opened.insert(batch["batch"].get<std::string>());
  }
  CHECK_EQ(opened.size(), 2);
  for (int i = 0; i < 20; ++i) {
    const std::string serial = Make(*book);
    CHECK(opened.contains(serial.substr(0, 16)));
    CHECK_EQ(serial.size(), 32);
    CHECK(serial[0] < '8');  // positive
    CHECK(serials.insert(serial).second);
    REQUIRE(book->Turn());
    opened.insert(events.entered.back()["opened"]["batch"].get<std::string>());
  }
  CHECK_EQ(book->made(), 20);
}

TEST_CASE("A batch is told of in full") {
  Events events;
  const auto book = Open(events, 3);
  const std::string first = Make(*book);
  for (int i = 0; i < 5; ++i) REQUIRE(book->Take().has_value());  // given back each time
  const std::string second = Make(*book);
  Make(*book);
  const std::string of_next = Make(*book);
  CHECK_NE(of_next.substr(0, 16), first.substr(0, 16));
  REQUIRE(book->Turn());
  const schema::Json& event = events.entered.back();
  CHECK_EQ(event["type"], "timestamps");
  CHECK_EQ(event["batch"], first.substr(0, 16));
  REQUIRE_EQ(event["stamps"].size(), 3);
  CHECK_EQ(event["stamps"][0]["serial"], first);
  CHECK_EQ(event["stamps"][1]["serial"], second);
  CHECK_EQ(event["stamps"][1]["digest"], schema::Hex(AStamp().digest));
  CHECK_EQ(event["stamps"][1]["imprint"], AStamp().imprint);
  CHECK_EQ(event["stamps"][1]["time"], schema::Rfc3339(AStamp().time));
}

TEST_CASE("Nothing is entered while nothing is stamped") {
  Events events;
  const auto book = Open(events, 3);
  REQUIRE(book->Take().has_value());  // given back
  REQUIRE(book->Turn());
  CHECK_EQ(events.entered.size(), 1);
  Make(*book);  // the batch is still open
  REQUIRE(book->Turn());
  CHECK_EQ(events.entered.back()["stamps"].size(), 1);
}

TEST_CASE("Without a log two batches are given out and no more; then all of them are entered") {
  Events events;
  const auto book = Open(events, 2);
  std::vector<std::string> serials;
  serials.push_back(Make(*book));
  events.failures = 2;
  CHECK_FALSE(book->Turn());
  // The batch that could not be closed gets no more stamps: what was written of it stays true.
  for (int i = 0; i < 2; ++i) serials.push_back(Make(*book));
  CHECK_NE(serials[1].substr(0, 16), serials[0].substr(0, 16));
  const auto refused = book->Take();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().Is(ca::kStampsWaiting));
  CHECK_FALSE(book->Turn());
  REQUIRE(book->Turn());
  REQUIRE(book->Turn());
  std::vector<std::string> told;
  for (const schema::Json& event : events.entered) {
    if (event["type"] != "timestamps") continue;
    for (const auto& stamp : event["stamps"]) told.push_back(stamp["serial"].get<std::string>());
  }
  CHECK_EQ(told, serials);
}

TEST_CASE("An event that is tried again opens the same batch") {
  std::vector<schema::Json> tried;
  const auto book = ca::StampBook::Open(2, [&tried](schema::Json event) -> schema::Outcome {
    tried.push_back(std::move(event));
    if (tried.size() == 2) return schema::Error{&kNoLog, "the answer is lost"};
    return schema::Ok();
  });
  REQUIRE(book.has_value());
  Make(**book);
  CHECK_FALSE((*book)->Turn());
  REQUIRE((*book)->Turn());
  REQUIRE_EQ(tried.size(), 3);
  CHECK_EQ(tried[1], tried[2]);
}

TEST_CASE("A start whose event is not entered is none") {
  Events events;
  events.failures = 1;
  const auto book = ca::StampBook::Open(2, events.Enter());
  REQUIRE_FALSE(book.has_value());
  CHECK(book.error().Is(kNoLog));
}

TEST_CASE("An orderly stop closes both batches") {
  Events events;
  const auto book = Open(events, 1);
  Make(*book);
  Make(*book);
  REQUIRE(book->Close());
  REQUIRE_EQ(events.entered.size(), 3);
  for (std::size_t i = 1; i < 3; ++i) {
    CHECK_EQ(events.entered[i]["stamps"].size(), 1);
    CHECK_FALSE(events.entered[i].contains("opened"));
  }
  CHECK_FALSE(book->Take());
}

TEST_CASE("A batch is closed when its last stamp is settled") {
  Events events;
  const auto book = Open(events, 1);
  auto place = book->Take();
  REQUIRE(place.has_value());
  book->AwaitFull(std::chrono::hours(1));  // it is
  std::thread turn([&book] { CHECK(book->Turn()); });
  std::move(*place).Settle(AStamp());
  turn.join();
  CHECK_EQ(events.entered.back()["stamps"].size(), 1);
}

TEST_CASE("The largest batch is an event") {
  Events events;
  const auto book = Open(events, ca::kStampsInBatchMax);
  for (std::size_t i = 0; i < ca::kStampsInBatchMax; ++i) Make(*book);
  REQUIRE(book->Turn());  // Enter makes its text
  CHECK_LT(events.entered.back().dump().size() + 128, schema::limits::kEventBytes);
}
