// Signs the SCTs of committed entries on a thread of its own, so that the next commit need not
// wait, and wakes the waiters one by one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "ca/log/log.h"
#include "ca/log/pending.h"
#include "ca/log/receipt.h"
#include "ca/log/slot.h"
#include "hsm/custody.h"

namespace ca {

struct Sealing {
  std::uint64_t index;
  bool retry;
  schema::Bytes leaf;              // MerkleTreeLeaf: what the SCT signs
  std::optional<schema::Sct> sct;  // made earlier (retry)
  std::optional<schema::CertDer> certificate;
  ReceiptSlot slot;
};

class Sealer {
 public:
  Sealer(hsm::Custody& custody, Pending& pending, const schema::Hash& log_id);
  ~Sealer();  // seals what waits

  // Only entries that are durable.
  void Add(std::vector<Sealing> sealings);

  // Receipts given out without a certificate, counted before they are: of new entries, and again.
  std::uint64_t entered() const { return entered_; }
  std::uint64_t retried() const { return retried_; }

 private:
  void Run();
  void Seal(std::vector<Sealing> sealings);
  void Give(Sealing& sealing, std::optional<schema::Signature> signature);

  hsm::Custody& custody_;
  Pending& pending_;
  const schema::Hash log_id_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Sealing> queue_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> entered_{0}, retried_{0};
  std::thread thread_;
};

}  // namespace ca
