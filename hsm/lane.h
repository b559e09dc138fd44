// One signer and the thread that feeds it: starts it, brings batches to it, replaces it when it
// fails.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "hsm/common_keys.h"
#include "hsm/key_set.h"
#include "hsm/login_gate.h"
#include "hsm/process.h"
#include "hsm/protocol.h"
#include "hsm/queue.h"
#include "hsm/signer_source.h"
#include "hsm/tally.h"
#include "schema/base/journal.h"

namespace hsm {

struct LaneSettings {
  SignerSource source;
  Role role;
  std::string ca;                           // of ca.rotation, whose issuing key it is; or empty
  std::string token;                        // its name
  std::string setting;                      // where the configuration names it
  std::chrono::milliseconds sign_deadline;  // a signer silent for longer is killed
};

class Lane {
 public:
  // All outlive the lane; `wake` is the eventfd that the queue knows this lane by.
  Lane(const LaneSettings& settings, std::size_t number, int wake, Queue& queue, CommonKeys& keys,
       LoginGate& gate, Tally& tally, schema::Journal& journal);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane();  // stops the signer and waits for it

  // What came of the first start. Blocks; once.
  schema::Result<KeyFacts> FirstStart() { return first_start_.get_future().get(); }
  void AskToStop();

  CustodyState::Signer State() const;
  std::uint64_t operations() const { return operations_; }
  std::uint64_t replacements() const { return replacements_; }
  std::uint64_t reopenings() const { return reopenings_; }

 private:
  void Run();
  schema::Result<KeyFacts> Bring();
  bool Reopen();
  LoginGate::Lock TakeTurn();
  schema::Result<KeyFacts> ReadHello();
  schema::Result<KeyFacts> CheckHello(const Frame& frame);
  void StandAside();
  void CameUp(const KeyFacts& facts);
  void TakesLong(const std::string& why);
  void StayedDown(const schema::Error& error);
  std::string Serve();
  std::string WaitForWork(std::vector<Job>& batch);
  std::string Exchange(std::vector<Job>& batch);
  schema::Steady::duration Patience(std::size_t count) const;
  std::string ReadAnswers(std::vector<Job>& batch, std::uint32_t first_id);
  std::string TakeAnswer(const Frame& frame, Job& job);
  std::string TakeSignature(const Frame& frame, Job& job);
  std::string TakeCounts(const MadeCounts& made, std::optional<Purpose> answered);
  bool Sleep(schema::Steady::duration duration);
  std::string Name() const;
  std::string SignerToken() const;
  void Drain() const;
  std::size_t BatchMax() const;

  const LaneSettings settings_;
  const std::size_t number_;
  const int wake_;
  Queue& queue_;
  CommonKeys& keys_;
  LoginGate& gate_;
  Tally& tally_;
  schema::Journal& journal_;

  // The lane's thread alone.
  SignerProcess process_;
  FrameReader reader_;
  RunCounts counts_;
  KeyFacts facts_;
  std::uint32_t next_id_ = 1;
  schema::Steady::duration each_{};  // smoothed time of one signature
  std::string last_trouble_;         // so that the operator reads it once, not at every try
  bool refused_ = false;             // that trouble was a refusal
  bool first_said_ = false;
  bool lost_ = false;                      // the signer waits for kReopen
  int said_pid_ = 0;                       // its process, as it says itself
  std::chrono::microseconds proved_in_{};  // its first signature, likewise
  std::uint64_t answers_ = 0;              // of all signers so far

  std::promise<schema::Result<KeyFacts>> first_start_;
  std::atomic<bool> stop_{false};
  std::atomic<int> pid_{0};
  std::atomic<std::uint64_t> run_{0}, signatures_{0}, operations_{0}, replacements_{0},
      reopenings_{0};
  std::atomic<std::size_t> in_flight_{0};
  std::thread thread_;
};

}  // namespace hsm
