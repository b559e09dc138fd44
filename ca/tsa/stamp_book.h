// Counts stamps for the events log, many in one event.
//
// An event for each stamp would cost an fsync each, and an event after the fact would lose what a
// crash finds in memory. So a batch is opened before it is used: the event that opens it names the
// first eight octets (`batch`, random) that all its serial numbers begin with and how many there
// can be (`most`), and is durable before the first of them is given out; another names its stamps
// one by one. Guaranteed, whatever crashes:
//   - the batch of every token that ever left the house has an event that opens it;
//   - a batch with an event that closes it is told of in full, each of its stamps;
//   - a batch without one (a crash, or a log that takes no events) may have stamps that no event
//     names, `most` at the most, and anyone can see which batch that is.
// Two batches are open at a time, so that no stamp waits for a commit; the event that closes one
// opens the next but one.
//
//   {"type": "timestamps-opened", "batches": [{"batch": hex, "most": n}, …]}          at the start
//   {"type": "timestamps", "batch": hex, "opened": {"batch": hex, "most": n}, "stamps":
//    [{"serial": hex, "digest": hex, "imprint": "sha256:hex", "time": RFC 3339}, …]}
//
// `digest` is the SHA-256 of the TSTInfo, which the token's signature is over. The last two batches
// of a run that stops in order are closed too: `opened` is absent then. A serial whose token never
// left the house is told of nowhere, and takes no room: who asks in vain fills no log.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "ca/tsa/token.h"
#include "schema/base/json.h"
#include "schema/base/result.h"

namespace ca {

// kBusy: both open batches are full, as the log takes no events or is too slow.
extern const schema::ErrorKind kStampsWaiting;

inline constexpr std::size_t kStampsInBatchMax = 128;  // an event of 65,535 octets holds them

struct Stamp {
  schema::Hash digest;  // of the TSTInfo
  std::string imprint;  // "sha256:hex"
  schema::TimeMs time;
};

// Thread-safe.
class StampBook {
 public:
  // Enters an event and blocks until it is durable (Log::Note).
  using Enter = std::function<schema::Outcome(schema::Json)>;

  // Opens the first two batches; `most` stamps each, 1 to kStampsInBatchMax. What `enter` fails
  // with.
  static schema::Result<std::unique_ptr<StampBook>> Open(std::size_t most, Enter enter);

  // A serial number of an open batch, which waits for this stamp until it is settled.
  class Place {
   public:
    Place(Place&& other) noexcept
        : book_(other.book_), batch_(other.batch_), serial_(other.serial_) {
      other.book_ = nullptr;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    Place& operator=(Place&&) = delete;
    ~Place();  // given back, unless Settle was called

    const StampSerial& serial() const { return serial_; }
    // The token is signed and about to be given away.
    void Settle(const Stamp& stamp) &&;

   private:
    friend class StampBook;
    Place(StampBook* book, std::uint64_t batch, const StampSerial& serial)
        : book_(book), batch_(batch), serial_(serial) {}
    StampBook* book_;  // null once settled; outlives the place
    std::uint64_t batch_;
    StampSerial serial_;
  };
  // kStampsWaiting. Does not block.
  schema::Result<Place> Take();

  // Blocks until a batch is full or Hurry was called, for `at_most` at the longest.
  void AwaitFull(std::chrono::milliseconds at_most);
  void Hurry();  // before a stop
  // Closes the older batch, if it has stamps, after all its places are settled, and opens another:
  // one event, or none. To be called again and again by one thread. What the event failed with: the
  // batch stays as it is and is closed by a later call.
  schema::Outcome Turn();
  // Closes what is open at an orderly stop, when no place is taken any more.
  schema::Outcome Close();

  std::uint64_t made() const;  // since the start

 private:
  struct Batch {
    std::uint64_t number = 0;
    std::array<std::uint8_t, 8> prefix{};
    std::uint8_t serials = 0;  // given out so far, modulo 256
    std::size_t waiting = 0;   // places that are not settled
    bool closing = false;      // gives out no places any more
    std::vector<std::pair<StampSerial, Stamp>> stamps{};
  };

  StampBook(std::size_t most, Enter enter) : most_(most), enter_(std::move(enter)) {}
  Batch NewBatch();
  schema::Json Describe(const Batch& batch) const;
  static schema::Json Closing(const Batch& batch);
  bool IsFull(const Batch& batch) const { return batch.waiting + batch.stamps.size() == most_; }
  Batch* Find(std::uint64_t number);
  void SettleLocked(std::uint64_t number, const StampSerial& serial, const Stamp* stamp);

  const std::size_t most_;
  const Enter enter_;
  mutable std::mutex mutex_;
  std::condition_variable full_, settled_;
  // All below is guarded by mutex_.
  std::deque<Batch> open_;     // oldest first; two, all but while stopping
  std::optional<Batch> next_;  // named in an event that has not been entered, as far as we know
  std::uint64_t next_number_ = 0;
  std::uint64_t made_ = 0;
  bool hurry_ = false;
};

}  // namespace ca
