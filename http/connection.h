// One client's connection: bytes to requests, requests to answers, answers to bytes, each within
// its deadline.
//
// Sockets only, no event loop: http/gate calls it when the socket is ready and a few times a
// second. Everything happens on the thread that calls. Pipelined requests are answered in order,
// and no further request is read while an answer waits for its reader, so a connection holds at
// most one answer.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "http/framing.h"
#include "http/in_force.h"
#include "schema/base/journal.h"
#include "schema/base/limits.h"

namespace http {

extern const schema::ErrorKind kTooSlow;  // kCaller: the head or the body took too long

struct EdgeOptions {
  FramingLimits framing{schema::limits::kRequestHeadBytes, schema::limits::kRequestBodyBytes};
  int connections_max = 4096;  // open at once; further ones are closed when accepted
  std::chrono::milliseconds idle_timeout{60'000};    // between requests
  std::chrono::milliseconds header_timeout{10'000};  // accept or first byte to the end of the head
  std::chrono::milliseconds body_timeout{10'000};    // end of the head to the end of the body
  std::chrono::milliseconds send_timeout{20'000};    // an answer's first byte to its last one taken
};

// What the connections of one endpoint share. Outlives its threads.
struct Edge {
  // Tells the operator of a request that was none; at most 10 of them a second, so that nobody
  // fills the disk.
  void Report(const schema::Error& error, const std::string& peer, const std::string& id);

  Edge(EdgeOptions options_of, Answers first, schema::Journal& journal_of)
      : options(options_of), answers(std::move(first)), journal(&journal_of) {}

  EdgeOptions options;
  InForce answers;
  schema::Journal* journal;
  std::atomic<std::int64_t> report_second{0};
  std::atomic<int> reports{0};  // in that second
  std::atomic<int> connections{0};
  std::atomic<int> threads_ready{0};
  std::atomic<bool> draining{false};  // answer what was begun, then close
  std::atomic<bool> closing{false};   // close now
};

class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Next {
    kWait,   // for the socket or the clock
    kAgain,  // has more to do but had its turn: call OnReady again after the others
    kClose,  // done with it
  };

  // Does not own `fd`, a connected, non-blocking TCP socket.
  Connection(int fd, Edge& edge, Clock::time_point now);

  Next OnReady();
  Next OnTick(Clock::time_point now);
  bool sending() const { return stage_ == Stage::kSend; }

 private:
  enum class Stage {
    kReceive,  // waiting for a request, or in one
    kSend,     // an answer is not all taken
    kLinger,   // ours is said; what the client still sends is dropped, so that it can read the
               // answer (RFC 9112 9.6)
  };

  Next Receive();
  Next Linger();
  bool Send();
  void Answer(Framed framed);
  void Refuse(const schema::Error& error);
  void Queue(Response response, bool head_only, bool keep_alive, const std::string& id);
  void Rearm();

  int fd_;
  Edge& edge_;
  Framer framer_;
  Stage stage_ = Stage::kReceive;
  Framer::State timed_ = Framer::State::kHead;  // the framer's state that deadline_ is for
  Clock::time_point deadline_;
  bool half_closed_ = false;  // the client will send nothing more
  bool close_after_ = false;  // the answer under way is the last
  std::string peer_;
  std::array<std::string, 2> out_;  // head and body of the answer under way
  std::size_t sent_ = 0;            // of both together
};

}  // namespace http
