// The timestamp authority (RFC 3161): one request to one answer.
#pragma once

#include <memory>
#include <string>

#include "ca/issuer_key.h"
#include "ca/tsa/chain.h"
#include "ca/tsa/clock_gate.h"
#include "ca/tsa/request.h"
#include "ca/tsa/stamp_book.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

extern const schema::ErrorKind kTimestampPolicy;  // kCaller: another policy was asked for

// Who has the authority's key.
class StampSigner {
 public:
  virtual ~StampSigner() = default;
  // ecdsa-with-SHA256 over the signed attributes of this TSTInfo (hsm/guard_timestamp.h says which
  // may be). Blocks, with a deadline of its own; thread-safe.
  virtual schema::Result<schema::Signature> Sign(schema::BytesView tst_info,
                                                 schema::BytesView signed_attributes) = 0;
};

struct TimestampSettings {
  std::string policy;                // dotted decimal, valid
  std::chrono::seconds accuracy{1};  // 1 to 127
  // The whole chain in a token whose certificates are asked for, not the authority's alone.
  bool include_chain = false;
};

// Thread-safe.
class TimestampAuthority {
 public:
  // All outlive the authority. kBadTimestampChain.
  static schema::Result<std::unique_ptr<TimestampAuthority>> Make(TimestampSettings settings,
                                                                  TimestampChain chain,
                                                                  ClockGate& clock, StampBook& book,
                                                                  StampSigner& signer);

  // A token (ContentInfo in DER), entered in the book and checked with the certificate's key.
  // kTimestampPolicy, kTimeNotAvailable (also outside the chain's validity), kStampsWaiting,
  // kSelfCheck, what the signer failed with.
  schema::Result<schema::Bytes> Stamp(const TimestampRequest& request);

  // kTimeNotAvailable, when no request at all would get one now.
  schema::Outcome Ready() const;

  const TimestampChain& chain() const { return chain_; }

 private:
  TimestampAuthority(TimestampSettings settings, TimestampChain chain, IssuerKey key,
                     ClockGate& clock, StampBook& book, StampSigner& signer);
  schema::Outcome CheckValidity(schema::TimeMs now) const;
  schema::Result<schema::TimeMs> Time() const;

  const TimestampSettings settings_;
  const schema::Bytes policy_;  // OID content
  const TimestampChain chain_;
  const IssuerKey key_;
  ClockGate& clock_;
  StampBook& book_;
  StampSigner& signer_;
};

}  // namespace ca
