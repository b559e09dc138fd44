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
    for (std::size_t i = 0; i < lanes; ++i) queue->Done(i, 10s);
  }

  bool Woken(std::size_t lane) const {
    eventfd_t ignored;
    return ::eventfd_read(events[lane].get(), &ignored) == 0;
  }
  void Say(std::size_t token, bool drained) const {
    queue->SetNote(token, hsm::DrainNote{drained, 0, {}});
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

TEST_CASE("how long what is still to come will take") {
  struct Case {
    std::string_view name;
    std::size_t lanes;
    int certificates, precertificates;  // that wait
    std::size_t taken;                  // of them, by each lane
    std::size_t more, with;             // precertificates for each certificate
    Steady::duration want;              // a signature takes 10 s
  };
  const Case kCases[] = {
      {"nothing waits", 1, 0, 0, 0, 1, 1, 0s},
      {"two lanes take two at once", 2, 0, 0, 0, 2, 0, 0s},
      {"the third waits", 2, 0, 0, 0, 3, 0, 15s},
      {"one is in hand", 1, 1, 0, 1, 1, 0, 20s},
      {"a free lane beside a busy one", 2, 1, 0, 1, 1, 0, 0s},
      {"those that wait go before", 1, 3, 0, 0, 2, 0, 50s},
      {"each has a precertificate that is taken in turn", 1, 3, 0, 0, 2, 1, 90s},
      {"and one that waits may go first", 1, 0, 5, 0, 1, 1, 20s},
      {"precertificates of another signer", 1, 0, 0, 0, 4, 0, 40s},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    Rig rig(c.lanes);
    rig.Submit(Purpose::kCertificate, c.certificates, 1h);
    rig.Submit(Purpose::kPrecertificate, c.precertificates, 1h);
    if (c.taken > 0) rig.queue->Take(0, c.taken);
    CHECK_EQ(rig.queue->TimeFor(c.more, c.with).count(), Steady::duration(c.want).count());
  }
}

TEST_CASE(
    "a lane that has done nothing yet is known by its first signature; a slow one by its own") {
  Rig rig(2);
  rig.queue->Expect(0, 1s);  // it has a time already
  CHECK_EQ(rig.queue->TimeFor(4, 0), Steady::duration(20s));
  rig.queue->Done(1, 1s);
  // 1.1 signatures a second.
  CHECK_LT(rig.queue->TimeFor(11, 0), 11s);
  CHECK_GT(rig.queue->TimeFor(11, 0), 9s);
  rig.queue->SetLane(1, Queue::Lane::kDown, "away");
  CHECK_EQ(rig.queue->TimeFor(4, 0), Steady::duration(40s));
}

TEST_CASE("a drained token gets nothing, and what it has is its own to finish") {
  Rig rig({0, 1}, {1, 1});
  rig.Submit(Purpose::kCertificate, 4, 1h);
  REQUIRE_EQ(rig.queue->Take(0, 1).size(), 1);
  rig.Say(0, true);
  CHECK(rig.queue->Drained(0));
  CHECK_FALSE(rig.queue->Drained(1));
  CHECK(rig.Woken(0));
  CHECK_EQ(rig.queue->Tokens()[0].outstanding, 1);
  CHECK_EQ(rig.queue->Tokens()[0].standing, hsm::TokenStanding::kDrained);
  CHECK_EQ(rig.queue->Tokens()[1].standing, hsm::TokenStanding::kServing);
  rig.queue->Done(0, 10s);
  CHECK(rig.queue->Take(0, 16).empty());
  CHECK_EQ(rig.queue->Take(1, 16).size(), 3);
  rig.queue->Done(1, 10s);
  CHECK(rig.queue->Take(1, 16).empty());
  CHECK_EQ(rig.Submit(Purpose::kCertificate, 1, 1h), 1);
  CHECK_FALSE(rig.Woken(0));
  CHECK(rig.Woken(1));
  // Said again it changes nothing.
  rig.Say(0, true);
  CHECK_FALSE(rig.Woken(0));
  rig.Say(0, false);
  CHECK(rig.Woken(0));
  CHECK_EQ(rig.queue->Take(0, 16).size(), 1);
}

TEST_CASE("when the last token is drained, what waits is turned away") {
  Rig rig({0, 1}, {1, 1});
  rig.queue->SetLane(1, Queue::Lane::kDown, "away");
  rig.Submit(Purpose::kCertificate, 2, 1h);
  rig.Say(0, true);
  CHECK_FALSE(rig.queue->Ready());
  CHECK_EQ(rig.queue->Waiting(), 0);
  CHECK_EQ(rig.queue->Reason(), "drained by an operator");
  CHECK_EQ(rig.Submit(Purpose::kCertificate, 1, 1h), 0);
  rig.Say(0, false);
  CHECK(rig.queue->Ready());
}

TEST_CASE("what is away is told from what is refused, and a comeback is known") {
  Rig rig(2);
  const auto token = [&] { return rig.queue->Tokens().front(); };
  CHECK_EQ(token().sessions, 2);
  CHECK_EQ(token().signers, 2);
  rig.queue->SetLane(0, Queue::Lane::kDown, "gone");
  CHECK(token().up());
  rig.queue->SetLane(1, Queue::Lane::kDown, "gone too");
  CHECK_EQ(token().standing, hsm::TokenStanding::kAway);
  CHECK_EQ(token().reason, "gone");
  rig.queue->SetLane(1, Queue::Lane::kDown, "another key", true);
  CHECK_EQ(token().standing, hsm::TokenStanding::kRefused);
  CHECK_EQ(token().reason, "another key");
  CHECK(rig.queue->SetLane(0, Queue::Lane::kReady));
  CHECK_FALSE(rig.queue->SetLane(1, Queue::Lane::kReady));
  rig.queue->CameBack(0, {"{}"});
  CHECK_EQ(token().comebacks, 1);
  CHECK_EQ(token().reports.size(), 1);
  // A drained one comes back by the next lane that is ready, and not while it is drained.
  rig.Say(0, true);
  rig.queue->SetLane(0, Queue::Lane::kDown, "drained");
  CHECK_FALSE(rig.queue->SetLane(1, Queue::Lane::kReady));
  rig.Say(0, false);
  CHECK(token().up());  // on its way
  CHECK(rig.queue->SetLane(0, Queue::Lane::kReady));
}

}  // namespace
