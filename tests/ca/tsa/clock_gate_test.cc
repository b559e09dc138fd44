// Time that goes back or that nobody keeps is not told.
#include <doctest/doctest.h>
#include <sys/timex.h>

#include "ca/tsa/clock_gate.h"
#include "ca/tsa/kernel_clock.h"
#include "tests/ca/tsa/rig.h"

using std::chrono::milliseconds;

TEST_CASE("The time is told, and stands still through a small step back") {
  rig::SetClock clock;
  ca::ClockGate gate(clock, nullptr, {});
  const schema::TimeMs begin = clock.now;
  CHECK_EQ(*gate.Now(), begin);
  clock.now = begin + milliseconds(10);
  CHECK_EQ(*gate.Now(), begin + milliseconds(10));
  clock.now = begin + milliseconds(10) - ca::kStandstillMax;
  CHECK_EQ(*gate.Now(), begin + milliseconds(10));
  clock.now = begin + milliseconds(11);
  CHECK_EQ(*gate.Now(), begin + milliseconds(11));
}

TEST_CASE("A clock that was set back is not told until it has caught up") {
  rig::SetClock clock;
  ca::ClockGate gate(clock, nullptr, {});
  const schema::TimeMs begin = clock.now;
  REQUIRE(gate.Now());
  clock.now = begin - ca::kStandstillMax - milliseconds(1);
  for (int i = 0; i < 2; ++i) {  // it does not get used to it
    const auto told = gate.Now();
    REQUIRE_FALSE(told.has_value());
    CHECK(told.error().Is(ca::kTimeNotAvailable));
    CHECK(told.error().detail.starts_with("the clock was set back"));
  }
  clock.now = begin + milliseconds(1);
  CHECK_EQ(*gate.Now(), begin + milliseconds(1));
}

TEST_CASE("A clock that was set back while nothing ran") {
  rig::SetClock clock;
  ca::ClockGate gate(clock, nullptr, clock.now + std::chrono::hours(1));
  CHECK_FALSE(gate.Now());
  clock.now += std::chrono::hours(1);
  CHECK(gate.Now());
}

TEST_CASE("A clock that nobody keeps") {
  rig::SetClock clock;
  rig::SetDiscipline discipline;
  ca::ClockGate gate(clock, &discipline, {});
  CHECK(gate.Now());
  discipline.trouble = "nobody keeps it";
  const auto told = gate.Now();
  REQUIRE_FALSE(told.has_value());
  CHECK(told.error().Is(ca::kTimeNotAvailable));
  CHECK_EQ(told.error().detail, "nobody keeps it");
  discipline.trouble.reset();
  CHECK(gate.Now());
}

TEST_CASE("JudgeKernelClock") {
  timex report{};
  report.maxerror = 500'000;
  CHECK_FALSE(ca::JudgeKernelClock(TIME_OK, report));
  CHECK_FALSE(ca::JudgeKernelClock(TIME_INS, report));  // a leap second is announced
  report.maxerror = 1'000'001;
  CHECK(ca::JudgeKernelClock(TIME_OK, report)->find("maxerror") != std::string::npos);
  report.maxerror = 0;
  CHECK(ca::JudgeKernelClock(TIME_ERROR, report)->find("TIME_ERROR") != std::string::npos);
  report.status = STA_UNSYNC;
  CHECK(ca::JudgeKernelClock(TIME_ERROR, report)->find("STA_UNSYNC") != std::string::npos);
  CHECK(ca::JudgeKernelClock(TIME_OK, report)->find("STA_UNSYNC") != std::string::npos);
}
