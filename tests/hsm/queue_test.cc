// Who waits for whom: a queue whose lanes the test plays itself. No clock is waited for.
#include "hsm/queue.h"

#include <doctest/doctest.h>
#include <sys/eventfd.h>

#include "hsm/channel.h"

namespace {

using namespace std::chrono_literals;
using hsm::Purpose;
using hsm::Queue;
using schema::Steady;

// A queue of ready lanes that take 10 s for a signature; each is of the token in `token_of`.
struct Rig {
  explicit Rig(std::size_t lanes) : Rig(std::vector<std::size_t>(lanes), {1}) {}
  Rig(const std::vector<std::size_t>& token_of, const std::vector<int>& weights) {
    const std::size_t lanes = token_of.size();
    std::vector<int> wake;
    for (std::size_t i = 0; i < lanes; ++i) {
      events.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      wake.push_back(events.back().get());
    }
    queue = std::make_unique<Queue>(wake, token_of, weights);
    for (std::size_t i = 0; i < lanes; ++i) queue->SetLane(i, Queue::Lane::kReady);
    queue->Done(0, 10s);
  }

  // How many of `count` that have `patience` each are not turned away at once.
  int Submit(Purpose purpose, int count, Steady::duration patience) {
    int kept = 0;
    for (int i = 0; i < count; ++i) {
      const std::size_t before = queue->Waiting();
      const auto group = std::make_shared<hsm::Group>(1);
      std::vector<hsm::Job> jobs;
      jobs.push_back({purpose, {}, Steady::now() + patience, group});
      queue->Submit(std::move(jobs));
      kept += queue->Waiting() > before ? 1 : 0;
      groups.push_back(group);
    }
    return kept;
  }

  std::vector<hsm::Descriptor> events;
  std::unique_ptr<Queue> queue;
  std::vector<std::shared_ptr<hsm::Group>> groups;  // nobody gives up before the test ends
};

TEST_CASE("a backlog of one kind costs the other its turns, not its place") {
  struct Case {
    std::string_view name;
    Purpose backlog, asked;
    std::size_t lanes;
    Steady::duration patience;
    int kept;  // of 10
  };
  // A job waits for those of its kind and as many of the other, 10 s each.
  const Case kCases[] = {
      {"certificates behind precertificates", Purpose::kPrecertificate, Purpose::kCertificate, 1,
       25s, 2},
      {"more patience", Purpose::kPrecertificate, Purpose::kCertificate, 1, 65s, 4},
      {"two lanes", Purpose::kPrecertificate, Purpose::kCertificate, 2, 25s, 3},
      {"certificates behind certificates", Purpose::kCertificate, Purpose::kCertificate, 1, 25s, 0},
      // The first certificate of the backlog goes before it: 10, 30, 50 s.
      {"precertificates behind certificates", Purpose::kCertificate, Purpose::kPrecertificate, 1,
       35s, 2},
      {"precertificates behind precertificates", Purpose::kPrecertificate, Purpose::kPrecertificate,
       1, 25s, 0},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    Rig rig(c.lanes);
    REQUIRE_EQ(rig.Submit(c.backlog, 100, 1h), 100);
    CHECK_EQ(rig.Submit(c.asked, 10, c.patience), c.kept);
  }
}

TEST_CASE("what is turned away for the wait is taken in time if it is not") {
  Rig rig(1);
  rig.Submit(Purpose::kPrecertificate, 100, 1h);
  REQUIRE_EQ(rig.Submit(Purpose::kCertificate, 10, 45s), 3);
  // The third certificate is the fifth taken, after four that take 10 s each.
  std::vector<Purpose> taken;
  for (int i = 0; i < 5; ++i) {
    const auto batch = rig.queue->Take(0, 1);
    REQUIRE_EQ(batch.size(), 1);
    taken.push_back(batch.front().purpose);
    rig.queue->Done(0, 10s);
  }
  CHECK(taken == std::vector{Purpose::kCertificate, Purpose::kPrecertificate, Purpose::kCertificate,
                             Purpose::kPrecertificate, Purpose::kCertificate});
}

TEST_CASE("what a lane has in its hands counts") {
  Rig rig(1);
  rig.Submit(Purpose::kPrecertificate, 4, 1h);
  REQUIRE_EQ(rig.queue->Take(0, 2).size(), 2);
  CHECK_EQ(rig.Submit(Purpose::kCertificate, 10, 15s), 0);
  CHECK_EQ(rig.Submit(Purpose::kCertificate, 10, 25s), 1);
}

TEST_CASE("a full side refuses its own kind only") {
  Rig rig(1);
  CHECK_EQ(rig.Submit(Purpose::kPrecertificate, 2050, 100h), 2048);
  CHECK_EQ(rig.Submit(Purpose::kCertificate, 1, 1h), 1);
}

}  // namespace
