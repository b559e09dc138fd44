// What waits for the signers of one role, in one token or in several that hold the same key:
// callers put jobs in, lanes take batches out.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hsm/custody.h"

namespace hsm {

// The inputs of one Sign or SignAll, and the caller that waits for them.
class Group final : public SignatureTaker {
 public:
  explicit Group(std::size_t size) : results_(size), remaining_(size) {}

  void Set(std::size_t slot, schema::Result<Signed> result) override;
  bool Wants(std::size_t slot) const override;
  // The results; what has none at `deadline` is kSignerUnavailable, and later ones are dropped.
  std::vector<schema::Result<Signed>> Wait(schema::Steady::time_point deadline);

 private:
  mutable std::mutex mutex_;
  std::condition_variable done_;
  std::vector<std::optional<schema::Result<Signed>>> results_;  // guarded by mutex_
  std::size_t remaining_;                                       // guarded by mutex_
  bool abandoned_ = false;                                      // guarded by mutex_
};

struct Job {
  Purpose purpose;
  schema::Bytes bytes;  // a copy: the caller may be gone when a signer answers
  schema::Steady::time_point deadline;
  std::shared_ptr<SignatureTaker> group;  // null for a lane's own probe
  std::size_t slot = 0;
  int retries = 0;
  std::optional<std::size_t> failed_in{};  // the token that had it: others go first
  bool lent = false;                       // a copy of it waits or is with another token

  void Finish(schema::Result<Signed> result) const {
    if (group != nullptr) group->Set(slot, std::move(result));
  }
};

// Certificates go before precertificates when both wait, one for one; the token with the least in
// hand for its weight goes first (balance.h). Thread-safe.
class Queue {
 public:
  // kStarting: not yet up, or lost a moment ago and on its way back: jobs wait for it.
  enum class Lane { kStarting, kReady, kDown };

  // Each lane is known by its number and woken through its eventfd; `token_of` says for each lane
  // whose it is, `weights` has one for each token.
  Queue(std::vector<int> wake, const std::vector<std::size_t>& token_of,
        const std::vector<int>& weights);

  // Finishes at once what cannot wait: no signer is up or starting, the queue is full, or what is
  // taken before it lasts longer than its deadline.
  void Submit(std::vector<Job> jobs);
  // Up to `most` jobs, fewer when other lanes are idle; empty: nothing waits, and the lane is now
  // idle and will be woken. Jobs that nobody waits for any more are dropped.
  std::vector<Job> Take(std::size_t lane, std::size_t most);
  // The lane's batch is answered; its signatures take so long each, for what is said of the future.
  void Done(std::size_t lane, schema::Steady::duration each);
  // The same of a lane that has done nothing yet.
  void Expect(std::size_t lane, schema::Steady::duration each);
  // How long the last of `more` inputs, none of them a precertificate, would take with what waits
  // already, if each that is asked for brings so many precertificates (0 or 1) here. Zero when a
  // lane would take it at once, and while nobody knows how long a signature takes.
  schema::Steady::duration TimeFor(std::size_t more, std::size_t precertificates) const;
  // The lane has had these for long: while another token is up, that is asked too, once for each,
  // before all others, and the first answer counts. How many that are; they are marked.
  std::size_t Lend(std::size_t lane, std::vector<Job>& jobs);
  // The lane's signer failed before it answered these: once more, before all others, and in another
  // token while one is up; a second failure is final. `lost`: only its session was gone, and those
  // of the other lanes may be too; then each of them may take it once.
  void Return(std::size_t lane, std::vector<Job> jobs, const std::string& why, bool lost);

  // kDown: `refused` when it is the token that cannot be used as it is, not its absence. When the
  // last lane goes down, all that waits is finished with `why`. Whether it is the first to be ready
  // in a token that did not serve.
  bool SetLane(std::size_t lane, Lane state, const std::string& why = {}, bool refused = false);
  // What keys said when the lane's token came back, to be told with its state.
  void CameBack(std::size_t lane, std::vector<std::string> reports);
  // What an operator said of a token; its lanes are woken when that changes something.
  void SetNote(std::size_t token, const std::optional<DrainNote>& note);
  bool Drained(std::size_t lane) const;

  bool Ready() const { return ready_.load() > 0; }
  std::string Reason() const;  // why no lane is; empty when one is
  std::size_t Waiting() const;
  std::vector<TokenState> Tokens() const;

 private:
  struct LaneState {
    std::size_t token = 0;
    Lane state = Lane::kStarting;
    std::string why{};
    bool refused = false;
    bool idle = false;
    bool woken = false;  // and has not come yet
    std::size_t in_flight = 0;
    schema::Steady::duration each{};  // smoothed time of one signature; zero: none made yet
  };
  struct Share {
    int weight;
    std::uint64_t given = 0;
    std::uint64_t lent = 0;
    std::uint64_t failures = 0;
    bool gone = false;  // has not served since, for a moment at least
    std::uint64_t comebacks = 0;
    std::vector<std::string> reports{};
    std::optional<DrainNote> note{};
    bool drained() const { return note && note->drained; }
  };
  bool Serves(const LaneState& lane) const;
  bool Usable(std::size_t token) const;
  void Changed(const std::string& why, bool was_usable, std::size_t token);
  bool OtherUsable(std::size_t token) const;
  bool MayTake(std::size_t token, const Job& job) const;
  bool AllDown() const;
  std::string ReasonLocked() const;
  std::size_t Ahead(Purpose purpose) const;
  schema::Steady::duration TimeOf(std::size_t signatures) const;
  const char* WhyNotNow(const Job& job) const;
  std::deque<Job>& Side(Purpose purpose) {
    return purpose == Purpose::kPrecertificate ? second_ : first_;
  }
  const std::deque<Job>& Side(Purpose purpose) const {
    return purpose == Purpose::kPrecertificate ? second_ : first_;
  }
  std::optional<Job> Pop(std::size_t token);
  void FinishAll(const std::string& why);
  std::optional<std::size_t> NextIdle(std::optional<std::size_t> avoid) const;
  // `avoid`: a token that these jobs failed in.
  void WakeIdle(std::size_t jobs, std::optional<std::size_t> avoid = std::nullopt);

  const std::vector<int> wake_;
  mutable std::mutex mutex_;
  // All below is guarded by mutex_.
  std::deque<Job> first_, second_;  // second_: precertificates
  bool second_next_ = false;
  std::vector<LaneState> lanes_;
  std::vector<Share> shares_;  // of each token
  std::atomic<int> ready_{0};  // lanes that serve; written under mutex_, read without
};

}  // namespace hsm
