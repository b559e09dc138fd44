#include "ca/tsa/authority.h"

#include <utility>

#include "ca/tsa/token.h"
#include "schema/base/der.h"

namespace ca {

using schema::Bytes;
using schema::Error;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kTimestampPolicy{
    "timestamp-policy", schema::Fault::kCaller,
    "the timestamp authority does not stamp under the policy asked for; leave it out, or ask for "
    "the authority's own"};

Result<std::unique_ptr<TimestampAuthority>> TimestampAuthority::Make(TimestampSettings settings,
                                                                     TimestampChain chain,
                                                                     ClockGate& clock,
                                                                     StampBook& book,
                                                                     StampSigner& signer) {
  auto key = IssuerKey::Load(chain.spki);
  if (!key) return Error{&kBadTimestampChain, "certificate 1: " + key.error().detail};
  return std::unique_ptr<TimestampAuthority>(new TimestampAuthority(
      std::move(settings), std::move(chain), *std::move(key), clock, book, signer));
}

TimestampAuthority::TimestampAuthority(TimestampSettings settings, TimestampChain chain,
                                       IssuerKey key, ClockGate& clock, StampBook& book,
                                       StampSigner& signer)
    : settings_(std::move(settings)),
      policy_(schema::der::OidContent(settings_.policy)),
      chain_(std::move(chain)),
      key_(std::move(key)),
      clock_(clock),
      book_(book),
      signer_(signer) {}

// Verifiers judge the chain at genTime.
Outcome TimestampAuthority::CheckValidity(schema::TimeMs now) const {
  if (now >= chain_.not_before && now <= chain_.not_after) return schema::Ok();
  return Error{&kTimeNotAvailable, "the timestamp authority's chain is valid from " +
                                       schema::Rfc3339(chain_.not_before) + " to " +
                                       schema::Rfc3339(chain_.not_after) + " only"};
}

Result<schema::TimeMs> TimestampAuthority::Time() const {
  TRY(const schema::TimeMs now, clock_.Now());
  TRY(CheckValidity(now));
  return now;
}

Outcome TimestampAuthority::Ready() const {
  TRY(Time());
  return schema::Ok();
}

Result<Bytes> TimestampAuthority::Stamp(const TimestampRequest& request) {
  if (request.policy && *request.policy != settings_.policy) {
    return Error{&kTimestampPolicy, *request.policy};
  }
  TRY(const schema::TimeMs now, Time());
  TRY(auto place, book_.Take());
  const Bytes info = WriteTstInfo({policy_, place.serial(), now, settings_.accuracy}, request);
  const Bytes attributes = WriteSignedAttributes(info, chain_.digest);
  TRY(const schema::Signature signature, signer_.Sign(info, attributes));
  TRY(key_.Verify(attributes, signature));
  const std::size_t all = settings_.include_chain ? chain_.certificates.size() : 1;
  Bytes token = WriteToken(info, attributes, signature, chain_, request.certificates ? all : 0);
  std::move(place).Settle({schema::Sha256(info),
                           std::string(request.algorithm->name) + ":" + schema::Hex(request.digest),
                           now});
  return token;
}

}  // namespace ca
