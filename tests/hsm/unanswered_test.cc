#include "hsm/unanswered.h"

#include <doctest/doctest.h>

#include <thread>

namespace {

using namespace std::chrono_literals;
using schema::Steady;

class Taker final : public hsm::SignatureTaker {
 public:
  void Set(std::size_t slot, schema::Result<hsm::Signed> answer) override {
    slots += slot;
    answers += answer ? 1 : 0;
  }
  bool Wants(std::size_t slot) const override { return slot == 7; }

  std::size_t slots = 0;
  int answers = 0;
};

TEST_CASE("what is counted is passed on") {
  const auto unanswered = std::make_shared<hsm::Unanswered>();
  const auto taker = std::make_shared<Taker>();
  const auto counted = hsm::Unanswered::Count(unanswered, taker);
  counted->Set(3, hsm::Signed{});
  counted->Set(4, schema::Error{&hsm::kSignerUnavailable, ""});
  CHECK_EQ(taker->slots, 7);
  CHECK_EQ(taker->answers, 1);
  CHECK(counted->Wants(7));
  CHECK_FALSE(counted->Wants(6));
}

TEST_CASE("nothing is unanswered once everything counted has been let go") {
  const auto unanswered = std::make_shared<hsm::Unanswered>();
  const auto past = Steady::now();
  CHECK(unanswered->AwaitNone(past));
  auto one = hsm::Unanswered::Count(unanswered, std::make_shared<Taker>());
  auto another = hsm::Unanswered::Count(unanswered, std::make_shared<Taker>());
  auto held_twice = another;
  CHECK_FALSE(unanswered->AwaitNone(past));
  one.reset();
  another.reset();
  CHECK_FALSE(unanswered->AwaitNone(past));
  bool answered = false;
  std::thread signer([&] {
    answered = true;
    held_twice.reset();
  });
  CHECK(unanswered->AwaitNone(Steady::now() + 1h));
  CHECK(answered);
  signer.join();
}

TEST_CASE("a taker may outlive what counts it") {
  auto unanswered = std::make_shared<hsm::Unanswered>();
  const auto counted = hsm::Unanswered::Count(unanswered, std::make_shared<Taker>());
  unanswered.reset();
  counted->Set(0, hsm::Signed{});
}

}  // namespace
