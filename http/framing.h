// HTTP/1.1 framing (RFC 9112): bytes in, whole requests out, nothing ambiguous in between.
//
// Stricter than the RFC demands wherever two readers could disagree: CRLF only, no obs-fold, no
// repeated Content-Length even if equal, no Transfer-Encoding but one `chunked`, never both,
// origin-form targets only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "schema/base/result.h"

namespace http {

extern const schema::ErrorKind kBadRequestLine;  // kCaller, as all below
extern const schema::ErrorKind kBadVersion;
extern const schema::ErrorKind kBadTarget;
extern const schema::ErrorKind kBadHeader;
extern const schema::ErrorKind kBadHost;
extern const schema::ErrorKind kBadLength;
extern const schema::ErrorKind kBadChunk;
extern const schema::ErrorKind kBadExpect;
extern const schema::ErrorKind kHeadTooLarge;
extern const schema::ErrorKind kBodyTooLarge;

struct FramingLimits {
  std::size_t head_bytes;  // request line and header fields with their CRLFs
  std::size_t body_bytes;  // after chunks are joined
};

struct Framed {
  Request request;  // method, path, query, headers and body; of the headers, those of the hop are
                    // left out
  bool keep_alive;  // RFC 9112 9.3
};

// One connection's bytes. Holds at most one head or body within the limits plus what one Feed
// brought. The outcome does not depend on how the bytes were cut into pieces. Safe on any bytes
// (tests/fuzz/framing_fuzz.cc).
class Framer {
 public:
  enum class State {
    kIdle,    // between requests, nothing received of the next one
    kHead,    // part of a head
    kBody,    // head complete, body not
    kReady,   // Take() gives a request
    kBroken,  // error() says why; no byte after it is looked at
  };

  explicit Framer(FramingLimits limits) : limits_(limits) {}

  State state() const { return state_; }
  void Feed(std::string_view bytes);
  // The request; goes on with the bytes that followed it. Only in kReady.
  Framed Take();
  const schema::Error& error() const { return *error_; }
  // True once for a request that waits for "100 Continue" before it sends its body (RFC
  // 9110 10.1.1).
  bool TakeContinue();

 private:
  enum class Step { kHead, kLength, kChunkLine, kChunkData, kChunkEnd, kTrailer };

  void Advance();
  bool AdvanceOne();
  bool Head();
  bool HeadLines();
  bool Length();
  bool ChunkLine();
  bool ChunkData();
  bool ChunkEnd();
  bool Trailer();
  std::optional<std::string_view> Line(std::size_t limit, const schema::ErrorKind& kind);
  bool Break(const schema::ErrorKind& kind, std::string detail = "");
  bool Finish();

  FramingLimits limits_;
  State state_ = State::kIdle;
  Step step_ = Step::kHead;
  std::string buffer_;  // bytes not yet consumed, from begin_
  std::size_t begin_ = 0;
  std::size_t seen_ = 0;     // bytes of the current line or head already looked at, from begin_
  std::size_t line_ = 0;     // where the current line of the head starts, from begin_
  bool blank_line_ = false;  // one empty line before the request was skipped (RFC 9112 2.2)
  bool continue_ = false;
  std::size_t wanted_ = 0;    // octets of body or chunk still to come
  std::size_t overhead_ = 0;  // octets of chunk extensions and trailers of this request
  Framed framed_;
  std::optional<schema::Error> error_;
};

}  // namespace http
