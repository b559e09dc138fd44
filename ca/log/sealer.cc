#include "ca/log/sealer.h"

#include "schema/base/limits.h"
#include "schema/log/leaf.h"

namespace ca {
namespace {

// Small, so that the first of a large commit need not wait for the signatures of the last.
constexpr std::size_t kAtOnce = 32;

}  // namespace

Sealer::Sealer(hsm::Custody& custody, Pending& pending, const schema::Hash& log_id)
    : custody_(custody), pending_(pending), log_id_(log_id), thread_([this] { Run(); }) {}

Sealer::~Sealer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Sealer::Add(std::vector<Sealing> sealings) {
  if (sealings.empty()) return;
  {
    std::lock_guard lock(mutex_);
    for (Sealing& sealing : sealings) queue_.push_back(std::move(sealing));
  }
  wake_.notify_one();
}

void Sealer::Run() {
  while (true) {
    std::vector<Sealing> next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && next.size() < kAtOnce) {
        next.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    Seal(std::move(next));
  }
}

void Sealer::Seal(std::vector<Sealing> sealings) {
  std::vector<schema::BytesView> inputs;
  for (const Sealing& sealing : sealings) {
    if (!sealing.sct) inputs.push_back(sealing.leaf);
  }
  std::vector<schema::Result<hsm::Signed>> answers;
  if (!inputs.empty()) {
    answers = custody_.SignAll(hsm::Purpose::kSct, inputs,
                               schema::Steady::now() + schema::limits::kHsmWait);
    MUST(answers.size() == inputs.size());
  }
  std::size_t next = 0;
  for (Sealing& sealing : sealings) {
    if (sealing.sct) {
      Give(sealing, std::nullopt);
    } else if (schema::Result<hsm::Signed>& answer = answers[next++]; answer) {
      Give(sealing, std::move(answer->signature));
    } else {
      // The entry is durable and unfinished: a retry of the same token finishes it.
      sealing.slot->Give(std::move(answer).error());
    }
  }
}

void Sealer::Give(Sealing& sealing, std::optional<schema::Signature> signature) {
  auto leaf = schema::ParseLeaf(sealing.leaf);
  if (!leaf) return sealing.slot->Give(std::move(leaf).error());
  if (signature) {
    sealing.sct = schema::Sct{log_id_, leaf->timestamp, sealing.index, *std::move(signature)};
    pending_.SetSct(sealing.index, *sealing.sct);
  }
  if (!sealing.certificate) ++(sealing.retry ? retried_ : entered_);
  sealing.slot->Give(ReceiptMaker::Make(
      {sealing.index, sealing.retry, std::move(leaf->tbs), std::move(sealing.certificate)},
      *std::move(sealing.sct)));
}

}  // namespace ca
