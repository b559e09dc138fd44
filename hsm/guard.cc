#include "hsm/guard.h"

#include "hsm/guard_tbs.h"
#include "schema/log/checkpoint.h"
#include "schema/log/leaf.h"
#include "schema/log/sct.h"

namespace hsm {

using schema::BytesView;
using schema::Error;
using schema::Outcome;

namespace {

constexpr std::size_t kProbeTailMax = 64;  // octets
// The longest lifetime and backdate that a configuration may have (schema/config.h).
constexpr std::chrono::seconds kLifetimeCeiling = std::chrono::hours(24) + std::chrono::minutes(5);

Outcome Refuse(std::string why) { return Error{&kSignerRefused, std::move(why)}; }

Outcome CheckLength(const Validity& validity, std::chrono::seconds most) {
  if (validity.not_after <= validity.not_before) return Refuse("validity ends before it begins");
  // RFC 5280 4.1.2.5 counts both ends; a second more or less is no matter here.
  if (validity.not_after - validity.not_before > most) return Refuse("validity is too long");
  return schema::Ok();
}

Outcome AllowCertificate(const GuardSettings& settings, BytesView tbs, schema::Time now) {
  TRY(const Validity validity, CheckTbs(settings, tbs, Ending::kSctList));
  TRY(CheckLength(validity, settings.lifetime_max));
  if (validity.not_before > now + settings.clock_skew)
    return Refuse("validity begins in the future");
  if (validity.not_after <= now) return Refuse("validity is over");
  return schema::Ok();
}

Outcome AllowPrecertificate(const GuardSettings& settings, BytesView tbs, schema::Time now,
                            Ending ending) {
  TRY(const Validity validity, CheckTbs(settings, tbs, ending));
  TRY(CheckLength(validity, kLifetimeCeiling));
  if (validity.not_before > now + settings.clock_skew)
    return Refuse("validity begins in the future");
  return schema::Ok();
}

Outcome AllowLeaf(const GuardSettings& settings, BytesView bytes, schema::Time now) {
  const auto leaf = schema::ParseLeaf(bytes);
  if (!leaf) return Refuse("not a leaf: " + leaf.error().detail);
  if (leaf->issuer_key_hash != schema::Sha256(settings.issuing_key.view())) {
    return Refuse("leaf of another issuer key");
  }
  return AllowPrecertificate(settings, leaf->tbs.view(), now, Ending::kNothing);
}

Outcome AllowNote(const std::string& origin, BytesView bytes) {
  const auto body = schema::ParseCheckpointText(schema::AsText(bytes));
  if (!body) return Refuse("not a checkpoint: " + body.error().detail);
  if (body->origin != origin) return Refuse("checkpoint of another origin");
  return schema::Ok();
}

Outcome AllowTreeHead(BytesView bytes) {
  if (!schema::ParseTreeHeadInput(bytes)) return Refuse("not a tree head");
  return schema::Ok();
}

Outcome AllowTimestamp(const GuardSettings& settings, BytesView bytes, schema::Time now) {
  if (!settings.timestamp) return Refuse("there is no timestamp authority");
  return CheckTimestamp(*settings.timestamp, bytes, now);
}

Outcome AllowProbe(BytesView bytes) {
  const bool fits = schema::AsText(bytes).starts_with(kProbePrefix) &&
                    bytes.size() <= kProbePrefix.size() + kProbeTailMax;
  return fits ? schema::Ok() : Refuse("not a probe");
}

}  // namespace

Outcome Allow(const GuardSettings& settings, Purpose purpose, BytesView bytes, schema::Time now) {
  switch (purpose) {
    case Purpose::kProbe:
      return AllowProbe(bytes);
    case Purpose::kCertificate:
      return AllowCertificate(settings, bytes, now);
    case Purpose::kPrecertificate:
      return AllowPrecertificate(settings, bytes, now, Ending::kPoison);
    case Purpose::kSct:
      return AllowLeaf(settings, bytes, now);
    case Purpose::kTreeHead:
      return AllowTreeHead(bytes);
    case Purpose::kCertificatesNote:
      return AllowNote(settings.certificates_origin, bytes);
    case Purpose::kEventsNote:
      return AllowNote(settings.events_origin, bytes);
    case Purpose::kTimestamp:
      return AllowTimestamp(settings, bytes, now);
    case Purpose::kKeepAlive:  // asks for no signature
      break;
  }
  return Refuse("no such purpose");
}

}  // namespace hsm
