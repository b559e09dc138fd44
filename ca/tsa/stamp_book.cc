#include "ca/tsa/stamp_book.h"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

namespace ca {

using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kStampsWaiting{
    "stamps-waiting", schema::Fault::kBusy,
    "too many timestamps wait to be entered in the events log; try again later"};

StampBook::Place::~Place() {
  if (book_ == nullptr) return;
  const std::lock_guard lock(book_->mutex_);
  book_->SettleLocked(batch_, serial_, nullptr);
}

void StampBook::Place::Settle(const Stamp& stamp) && {
  MUST(book_ != nullptr);
  const std::lock_guard lock(book_->mutex_);
  book_->SettleLocked(batch_, serial_, &stamp);
  book_ = nullptr;
}

Result<std::unique_ptr<StampBook>> StampBook::Open(std::size_t most, Enter enter) {
  MUST(most >= 1 && most <= kStampsInBatchMax);
  std::unique_ptr<StampBook> book(new StampBook(most, std::move(enter)));
  Json batches = Json::array();
  for (int i = 0; i < 2; ++i) {
    book->open_.push_back(book->NewBatch());
    batches.push_back(book->Describe(book->open_.back()));
  }
  TRY(book->enter_({{"type", "timestamps-opened"}, {"batches", std::move(batches)}}));
  return book;
}

StampBook::Batch StampBook::NewBatch() {
  Batch batch;
  batch.number = next_number_++;
  MUST(RAND_bytes(batch.prefix.data(), static_cast<int>(batch.prefix.size())) == 1);
  // The first bit is no sign, and the octet no zero that INTEGER would drop.
  batch.prefix[0] = static_cast<std::uint8_t>((batch.prefix[0] & 0x3f) | 0x40);
  return batch;
}

Json StampBook::Describe(const Batch& batch) const {
  return {{"batch", schema::Hex(batch.prefix)}, {"most", most_}};
}

Json StampBook::Closing(const Batch& batch) {
  Json stamps = Json::array();
  for (const auto& [serial, stamp] : batch.stamps) {
    stamps.push_back({{"serial", schema::Hex(serial)},
                      {"digest", schema::Hex(stamp.digest)},
                      {"imprint", stamp.imprint},
                      {"time", schema::Rfc3339(stamp.time)}});
  }
  return {
      {"type", "timestamps"}, {"batch", schema::Hex(batch.prefix)}, {"stamps", std::move(stamps)}};
}

StampBook::Batch* StampBook::Find(std::uint64_t number) {
  const auto found = std::ranges::find(open_, number, &Batch::number);
  return found == open_.end() ? nullptr : &*found;
}

Result<StampBook::Place> StampBook::Take() {
  const std::lock_guard lock(mutex_);
  for (Batch& batch : open_) {
    if (batch.closing || IsFull(batch)) continue;
    StampSerial serial{};
    std::ranges::copy(batch.prefix, serial.begin());
    MUST(RAND_bytes(serial.data() + batch.prefix.size(),
                    static_cast<int>(serial.size() - batch.prefix.size())) == 1);
    // The last octet counts, so that two alike in a batch are less likely still.
    serial.back() = batch.serials++;
    ++batch.waiting;
    if (IsFull(batch)) full_.notify_all();
    return Place(this, batch.number, serial);
  }
  return Error{&kStampsWaiting, std::to_string(2 * most_) + " stamps"};
}

void StampBook::SettleLocked(std::uint64_t number, const StampSerial& serial, const Stamp* stamp) {
  Batch* const batch = Find(number);
  MUST(batch != nullptr);  // it is not closed before all are settled
  --batch->waiting;
  if (stamp != nullptr) {
    batch->stamps.emplace_back(serial, *stamp);
    ++made_;
  }
  if (batch->waiting == 0) settled_.notify_all();
}

void StampBook::AwaitFull(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  full_.wait_for(lock, at_most,
                 [this] { return hurry_ || open_.empty() || IsFull(open_.front()); });
}

void StampBook::Hurry() {
  const std::lock_guard lock(mutex_);
  hurry_ = true;
  full_.notify_all();
}

Outcome StampBook::Turn() {
  Json event;
  {
    std::unique_lock lock(mutex_);
    Batch& oldest = open_.front();
    oldest.closing = true;
    settled_.wait(lock, [&oldest] { return oldest.waiting == 0; });
    if (oldest.stamps.empty()) {
      oldest.closing = false;
      return schema::Ok();
    }
    event = Closing(oldest);
    // After an error the event may be in the log all the same: it is written again as it was.
    if (!next_) next_ = NewBatch();
    event["opened"] = Describe(*next_);
  }
  TRY(enter_(std::move(event)));
  const std::lock_guard lock(mutex_);
  open_.pop_front();
  open_.push_back(*std::exchange(next_, std::nullopt));
  return schema::Ok();
}

Outcome StampBook::Close() {
  const std::lock_guard lock(mutex_);  // nobody waits for it any more
  while (!open_.empty()) {
    MUST(open_.front().waiting == 0);
    TRY(enter_(Closing(open_.front())));
    open_.pop_front();
  }
  return schema::Ok();
}

std::uint64_t StampBook::made() const {
  const std::lock_guard lock(mutex_);
  return made_;
}

}  // namespace ca
