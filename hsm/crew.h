// The signers of one role, in all tokens that hold its key.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hsm/common_keys.h"
#include "hsm/lane.h"
#include "hsm/queue.h"
#include "schema/key_settings.h"

namespace hsm {

class Crew {
 public:
  explicit Crew(const std::vector<schema::KeyToken>& tokens);
  const std::vector<schema::KeyToken>& tokens() const { return tokens_; }

  // Starts the signers. `settings` is that of all of them, without a token; `gates`: one a token.
  // What is referred to outlives the crew.
  void Man(const LaneSettings& settings, const std::vector<LoginGate*>& gates, Tally& tally,
           schema::Journal& journal);
  // Blocks until all are ready or have said why not. Facts of the first token that is whole, and
  // each token's report added to `reports`. A refused PIN and a token with another key are errors,
  // for the configuration is wrong; a token that is away for another reason is one when no other is
  // whole. Once.
  schema::Result<KeyFacts> AwaitStart(std::vector<std::string>& reports, schema::Journal& journal);
  void AskToStop();
  // What operators have said of tokens; before Man, tokens that are drained then start no signer.
  // Thread-safe.
  void Follow(const DrainNotes& notes);

  Queue& queue() { return queue_; }
  const Queue& queue() const { return queue_; }
  // Adds signers, tokens and counts. Thread-safe after AwaitStart.
  void Describe(CustodyState& state) const;

 private:
  Crew(std::vector<schema::KeyToken> tokens, std::vector<std::size_t> places);
  static std::vector<std::size_t> Places(const std::vector<schema::KeyToken>& tokens);

  const std::vector<schema::KeyToken> tokens_;
  const std::vector<std::size_t> token_of_;  // of each lane
  const std::vector<Descriptor> events_;     // of each lane
  std::string role_;                         // role.h
  CommonKeys keys_;
  Queue queue_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace hsm
