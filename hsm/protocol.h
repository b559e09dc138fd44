// What travels between the network side and a signer: frames over a stream, the same shape both
// ways.
//
//   u32 length of the rest · u32 id · u8 code · octets        (big-endian)
//
// code is a Purpose in requests and an AnswerCode in answers; an answer has its request's id. The
// first answer is the hello, id 0, sent without being asked. Both sides drop a peer that breaks the
// form.
#pragma once

#include <optional>

#include "hsm/custody.h"
#include "hsm/pin.h"
#include "hsm/tally.h"
#include "schema/base/bytes.h"
#include "schema/base/limits.h"

namespace hsm {

// A leaf or a TBSCertificate, and their envelopes.
inline constexpr std::size_t kInputBytesMax = schema::limits::kTbsBytes + 1024;
inline constexpr std::size_t kFrameBytesMax = kInputBytesMax + 1024;

enum class AnswerCode : std::uint8_t {
  kHelloReady = 1,        // EncodeHello
  kHelloPinRefused = 2,   // EncodeRefusal
  kHelloKeyUnusable = 3,  // text
  kSigned = 4,            // EncodeSigned
  kRefused = 5,           // the guard's reason; the signer goes on
  kFailed = 6,            // text; the signer exits after it
  kLost = 7,              // text; the session is gone, and all is ignored until kReopen
  kAlive = 8,             // to a keep-alive; EncodeSigned with no signature
  kHelloOtherKey = 9,     // text
};

// A request beside the purposes: the signer opens its keys again and says hello, as at its start.
inline constexpr std::uint8_t kReopen = 0x80;

struct Frame {
  std::uint32_t id;
  std::uint8_t code;
  schema::BytesView bytes;  // valid until the next Add
};

void AppendFrame(schema::Bytes& out, std::uint32_t id, std::uint8_t code, schema::BytesView bytes);

extern const schema::ErrorKind kBadFrame;

// Cuts a stream into frames. Safe on any bytes (tests/fuzz/protocol_fuzz.cc).
class FrameReader {
 public:
  // The buffer to append received octets to.
  schema::Bytes& buffer();
  // The next whole frame, or nothing yet. kBadFrame for a length that cannot be: the stream is
  // lost.
  schema::Result<std::optional<Frame>> Next();

 private:
  schema::Bytes buffer_;
  std::size_t read_ = 0;  // octets of buffer_ already handed out
};

struct Hello {
  KeyFacts facts;
  int pid = 0;          // of its process, for people; 1 or more
  schema::Bytes probe;  // signature over kProbePrefix by the issuing key; empty in the log's signer
  std::chrono::microseconds proved_in{};  // the proof of its own key; at most an hour
};
schema::Bytes EncodeHello(const Hello& hello);
schema::Result<Hello> DecodeHello(schema::BytesView bytes);

// Each answer to a request that was taken says what its process has made so far, this included.
struct SignedAnswer {
  MadeCounts made;
  schema::BytesView signature;  // into what was decoded
};
schema::Bytes EncodeSigned(const MadeCounts& made, schema::BytesView signature);
schema::Result<SignedAnswer> DecodeSigned(schema::BytesView bytes);

struct Refusal {
  PinTried tried;
  std::string why;
};
schema::Bytes EncodeRefusal(const Refusal& refusal);
schema::Result<Refusal> DecodeRefusal(schema::BytesView bytes);

}  // namespace hsm
