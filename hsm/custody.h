// The network side's view of the keys: asks signer processes, never holds a key or a PIN.
//
// A request names its purpose and carries the full bytes to be signed; the signer parses and hashes
// them itself and refuses what the purpose does not allow (hsm/guard.h). One signer process is one
// PKCS#11 session and one thread. A signer that dies, answers nothing until its deadline or reports
// a device error is replaced; what it had in flight is tried once more on another.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hsm/drained.h"
#include "schema/base/bytes.h"
#include "schema/base/journal.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/config.h"
#include "schema/rotation.h"

namespace hsm {

enum class Purpose : std::uint8_t {
  kProbe = 1,        // issuing key; a fixed prefix that is never DER (guard.h)
  kCertificate = 2,  // issuing key; TBSCertificate with one SCT list
  // TBSCertificate with poison; issuing key, or with `log.precertificate: signer` the key of that
  kPrecertificate = 3,
  kSct = 4,       // log key; MerkleTreeLeaf (RFC 6962 3.4)
  kTreeHead = 5,  // log key; RFC 6962 3.5 tree head input
  kCertificatesNote =
      6,            // Ed25519 note key of the certificates log; checkpoint text with its origin
  kEventsNote = 7,  // Ed25519 note key of the events log; checkpoint text with its origin
  // key of the timestamp authority; TSTInfo (RFC 3161 2.4.2) and the signed attributes over it, one
  // behind the other: what is signed are the attributes
  kTimestamp = 8,
  kKeepAlive = 9,  // no bytes and no signature: every session of the signer is looked at
};
inline constexpr std::size_t kSigningPurposes = 8;  // all but kKeepAlive
std::string_view PurposeName(Purpose purpose);  // "certificate", …; "none" when it signs nothing

extern const schema::ErrorKind
    kPinRefused;  // kUs: final until the PIN source changes; serve exits 77
extern const schema::ErrorKind
    kKeyUnusable;                          // kUs: token, key or module missing or of the wrong kind
extern const schema::ErrorKind kOtherKey;  // kUs: a token has another key than it should
extern const schema::ErrorKind kSignerUnavailable;  // kBusy: no signer could answer in time
extern const schema::ErrorKind kTokenDrained;       // kBusy: by an operator; no signer starts there
extern const schema::ErrorKind kSignerRefused;  // kUs: the guard refused what we asked it to sign

// What one signer said when it was ready.
struct KeyFacts {
  schema::SpkiDer issuing;          // empty in the log signer
  schema::SpkiDer log;              // empty in issuing signers
  schema::SpkiDer precertificate;   // log signer with `log.precertificate: signer` only
  schema::SpkiDer timestamp;        // log signer with `tsa` only
  schema::Bytes certificates_note;  // Ed25519 public key, 32 octets; log signer only
  schema::Bytes events_note;
  std::string token;  // "label (serial, manufacturer)"; empty for file keys
  std::string token_serial;
  std::string report;  // JSON (key.h); empty for a file key
  std::string precertificate_report;
  std::string timestamp_report;

  std::vector<std::string> Reports() const;  // those that are not empty
};

// Signatures of one purpose since the start (hsm/tally.h): made <= asked always holds, and what was
// made without having been asked for is an alarm.
struct SignatureCount {
  Purpose purpose;
  std::uint64_t asked = 0;   // requests sent to signers
  std::uint64_t again = 0;   // of these, sent once more because the first signer was lost
  std::uint64_t made = 0;    // signatures, as the signers count them
  std::uint64_t lost = 0;    // sent and never answered: made or not, nobody knows
  std::uint64_t excess = 0;  // of those made, the ones that nobody here asked for
};

enum class TokenStanding {
  kServing,  // a signer is up, or was lost a moment ago and is coming back
  kAway,     // none is; they are tried again
  kDrained,  // by an operator (drained.h): gets nothing, has no session once it has answered
  kRefused,  // it has another key than it should, or refused the PIN; tried again too
};
std::string_view StandingName(TokenStanding standing);  // "serving", …

struct TokenState {
  TokenStanding standing = TokenStanding::kAway;
  std::string reason;           // why it does not serve
  std::size_t sessions = 0;     // signers that it should have
  std::size_t signers = 0;      // that are up
  std::size_t outstanding = 0;  // requests in its signers' hands
  std::uint64_t lent = 0;       // requests it had for so long that another token was asked too
  std::uint64_t failures = 0;   // requests that a signer of it did not answer
  std::uint64_t comebacks = 0;  // times that it came up after it had not served
  std::vector<std::string> reports{};  // of its keys, at the last comeback (KeyFacts::report)
  // What was said of it last, if anything was since the start or before.
  std::optional<DrainNote> note{};
  bool up() const { return standing == TokenStanding::kServing; }
};

struct CustodyState {
  struct Signer {
    std::string role;   // "issuing" or "log"
    int pid;            // 0 while down
    std::uint64_t run;  // counts up with every replacement
    std::uint64_t signatures;
    std::size_t waiting;
  };
  // What one token makes of its role.
  struct Token {
    std::string role;  // with ca.rotation "issuing:NAME" (role.h)
    std::string name;  // schema::KeyToken
    TokenState state;
    std::uint64_t signatures = 0;
    bool aside = false;  // of a CA that is not the active one
  };
  std::vector<Signer> signers;
  std::vector<Token> tokens;
  bool issuing_ready;  // at least one issuing signer is up, or lost a moment ago and coming back
  bool log_ready;
  std::string reason;        // why not ready; empty when ready
  std::uint64_t operations;  // issuing-key operations since start, probes included
  std::uint64_t replacements;
  std::uint64_t reopenings = 0;  // sessions that were lost and found again without a replacement
  std::array<SignatureCount, kSigningPurposes> signatures{};
};

struct Signed {
  schema::Signature signature;
  std::string token_serial;
  std::uint64_t run;
};

// Takes the answer to a Submit.
class SignatureTaker {
 public:
  virtual ~SignatureTaker() = default;
  // For each input, on any thread, also after the deadline; the first of several counts. Does not
  // block.
  virtual void Set(std::size_t slot, schema::Result<Signed> answer) = 0;
  // Whether somebody still waits for the answer to this input: else it need not be signed.
  virtual bool Wants(std::size_t slot) const = 0;
};

class Custody {
 public:
  // Spawns `program signer --config FILE --role ROLE --fd 3` for each role, the first issuing
  // signer alone (a wrong PIN is tried once), and waits until all are ready or one has said why
  // not. Call before any other thread exists. Journal outlives the Custody.
  static schema::Result<std::unique_ptr<Custody>> Start(const schema::Config& config,
                                                        const std::filesystem::path& program,
                                                        schema::Journal& journal);
  virtual ~Custody() = default;  // stops the signers and waits for them

  // Of all roles; `report` is empty here. The issuing key is that of the CA which was active at the
  // start.
  virtual const KeyFacts& facts() const = 0;
  // What each token key reported at the start, JSON objects.
  virtual const std::vector<std::string>& key_reports() const = 0;

  // Blocks until signed, refused or `deadline`. Thread-safe. Certificates go before precertificates
  // when both wait, one for one, so that neither starves.
  virtual schema::Result<Signed> Sign(Purpose purpose, schema::BytesView bytes,
                                      schema::Steady::time_point deadline) = 0;
  // The same for several inputs of one purpose in one exchange; results in the same order.
  virtual std::vector<schema::Result<Signed>> SignAll(Purpose purpose,
                                                      const std::vector<schema::BytesView>& inputs,
                                                      schema::Steady::time_point deadline) = 0;
  // The same for one input without waiting; slot 0 of `taker`, who minds the deadline: what a
  // signer has begun is answered when it comes, or when the signer is given up.
  virtual void Submit(Purpose purpose, schema::BytesView bytes, schema::Steady::time_point deadline,
                      std::shared_ptr<SignatureTaker> taker) = 0;
  virtual CustodyState State() const = 0;
  // State().issuing_ready && State().log_ready, cheaply: asked once per request.
  virtual bool Ready() const = 0;
  // How long the last of so many certificates that are still to be asked for would take, by what
  // its signatures took lately and what waits already; zero when it need not wait. As cheap.
  virtual schema::Steady::duration TimeFor(std::size_t certificates) const = 0;

  // With ca.rotation: brings up the signers of those of the rotation's CAs that are named in `cas`
  // and have none, and sends away those of the others once they have answered; Ready() is about the
  // active one from now on. An error, when that one cannot be brought up, changes nothing; what
  // another lacks is journaled, and the next call tries again. Blocks while signers start.
  // kKeyUnusable, kPinRefused.
  virtual schema::Outcome Follow(const schema::Rotation& rotation,
                                 const std::vector<std::string>& cas);
};

}  // namespace hsm
