#include "ca/rotate.h"

#include <algorithm>

#include "ca/log/rows.h"
#include "schema/base/bytes.h"

namespace ca {

using schema::CaState;
using schema::Error;
using schema::Json;
using schema::Outcome;
using schema::Rfc3339;
using schema::Time;

const schema::ErrorKind kRotateRefused = {"rotate-refused", schema::Fault::kUs,
                                          "this step of a rotation may not be taken"};

namespace {

Error Refuse(std::string why) { return Error{&kRotateRefused, std::move(why)}; }

schema::Result<schema::RotationCa*> Need(schema::Rotation& rotation, const std::string& name) {
  schema::RotationCa* ca = rotation.Find(name);
  if (ca != nullptr) return ca;
  return Refuse("there is no CA '" + name + "'; `chancery rotate plan` lists them");
}

// The last moment at which it gives certificates of full lifetime.
Time ReplaceBy(const IssuingCa& active, std::chrono::seconds lifetime) {
  return active.chain.not_after - lifetime;
}

Json Dates(const IssuingCa& ca, const schema::Config& config) {
  Json out = {{"name", ca.terms.name},
              {"state", schema::CaStateName(ca.terms.state)},
              {"subject", ca.chain.common_name},
              {"chain", ca.terms.chain},
              {"issuing_key_sha256", schema::Hex(ca.chain.key_hash)},
              {"not_after", Rfc3339(ca.chain.not_after)}};
  const auto put = [&out](const char* key, const std::optional<Time>& time) {
    if (time) out[key] = Rfc3339(*time);
  };
  put("prepared", ca.terms.prepared);
  put("activated", ca.terms.activated);
  put("replaced", ca.terms.replaced);
  put("retired", ca.terms.retired);
  put("trusted_until", ca.until);
  switch (ca.terms.state) {
    case CaState::kPrepared:
      put("may_be_active_from", MayBeActive(ca.terms, config.ca.lead));
      break;
    case CaState::kActive:
      put("replace_by", ReplaceBy(ca, config.ca.lifetime));
      put("prepare_successor_by", ReplaceBy(ca, config.ca.lifetime) - config.ca.lead);
      break;
    case CaState::kReplaced:
      put("may_retire_from", MayRetire(ca.terms, config.ca.lifetime));
      break;
    case CaState::kRetired:
      break;
  }
  return out;
}

// "now", or when.
std::string When(Time from, Time now) { return from <= now ? "now" : "from " + Rfc3339(from); }

Json NextSteps(const IssuingCas& cas, const schema::Config& config, Time now) {
  Json next = Json::array();
  bool prepared = false;
  for (const auto& ca : cas.all()) {
    const std::string& name = ca->terms.name;
    if (ca->terms.state == CaState::kPrepared) {
      prepared = true;
      next.push_back("chancery rotate activate " + name + ": " +
                     When(MayBeActive(ca->terms, config.ca.lead), now));
    }
    if (ca->terms.state == CaState::kReplaced) {
      next.push_back("chancery rotate retire " + name + ": " +
                     When(MayRetire(ca->terms, config.ca.lifetime), now));
    }
  }
  if (prepared) return next;
  const Time by = ReplaceBy(cas.active(), config.ca.lifetime) - config.ca.lead;
  next.push_back("chancery rotate prepare NAME --chain FILE --key URI: " +
                 (by <= now ? std::string("now, it is late") : "before " + Rfc3339(by)));
  return next;
}

Time MayBeOpened(const schema::NextShard& prepared, std::chrono::seconds lead) {
  return prepared.prepared + lead;
}

// Adds the step to `next` when one is prepared.
Json Shards(const IssuingCas& cas, const std::vector<ShardRow>& shards,
            const schema::Config& config, Time now, Json& next) {
  Json out = Json::array();
  const ShardIds written = WrittenOf(shards);
  const auto& prepared = cas.next_shard();
  bool opened = false;
  for (const ShardRow& shard : shards) {
    const bool certificates = shard.log == LogName::kCertificates;
    out.push_back({{"log", certificates ? "certificates" : "events"},
                   {"name", shard.name},
                   {"state", shard.id == written.Of(shard.log) ? "written" : "closed"},
                   {"origin", shard.origin},
                   {"since", Rfc3339(shard.since)},
                   {"entries", shard.size}});
    opened = opened || (certificates && prepared && shard.name == prepared->terms.name);
  }
  if (!prepared || opened) return out;
  const Time from = MayBeOpened(prepared->terms, config.ca.lead);
  out.push_back({{"log", "certificates"},
                 {"name", prepared->terms.name},
                 {"state", "prepared"},
                 {"prepared", Rfc3339(prepared->terms.prepared)},
                 {"may_be_opened_from", Rfc3339(from)}});
  next.push_back("open log shard " + prepared->terms.name +
                 " by log.certificates and a reload: " + When(from, now));
  return out;
}

}  // namespace

Time MayBeActive(const schema::RotationCa& prepared, std::chrono::seconds lead) {
  return prepared.prepared.value_or(Time()) + lead;
}

Time MayRetire(const schema::RotationCa& replaced, std::chrono::seconds lifetime) {
  return replaced.replaced.value_or(Time()) + lifetime;
}

Outcome Prepare(schema::Rotation& rotation, schema::RotationCa fresh, Time now) {
  TRY(schema::CheckCaName(fresh.name));
  if (rotation.Find(fresh.name) != nullptr) {
    return Refuse("there is a CA '" + fresh.name + "' already; give the new one another name");
  }
  fresh.state = CaState::kPrepared;
  fresh.prepared = now;
  rotation.cas.push_back(std::move(fresh));
  return schema::Ok();
}

Outcome Activate(schema::Rotation& rotation, const std::string& name, std::chrono::seconds lead,
                 const std::string& reason, Time now) {
  TRY(schema::RotationCa* const next, Need(rotation, name));
  if (next->state == CaState::kActive) return Refuse("CA '" + name + "' is active already");
  if (next->state == CaState::kRetired) {
    return Refuse("CA '" + name + "' is retired; prepare a new one");
  }
  const Time from = MayBeActive(*next, lead);
  if (next->state == CaState::kPrepared && now < from && reason.empty()) {
    return Refuse(
        "CA '" + name + "' has been published since " + Rfc3339(*next->prepared) +
        " and may be active from " + Rfc3339(from) +
        " on: clients with older trust material refuse its certificates; wait, or say why "
        "not with --now REASON");
  }
  schema::RotationCa* const before = rotation.Find(rotation.Active().name);
  before->state = CaState::kReplaced;
  before->replaced = now;
  next->state = CaState::kActive;
  next->activated = now;
  next->replaced.reset();
  next->reason = reason;
  return schema::Ok();
}

Outcome Retire(schema::Rotation& rotation, const std::string& name, std::chrono::seconds lifetime,
               Time now) {
  TRY(schema::RotationCa* const ca, Need(rotation, name));
  if (ca->state == CaState::kActive) {
    return Refuse("CA '" + name + "' is active; activate another one first");
  }
  if (ca->state == CaState::kRetired) return Refuse("CA '" + name + "' is retired already");
  const Time from = MayRetire(*ca, lifetime);
  if (ca->state == CaState::kReplaced && now < from) {
    return Refuse("CA '" + name + "' has certificates that are valid until " + Rfc3339(from) +
                  "; retire it then");
  }
  ca->state = CaState::kRetired;
  ca->retired = now;
  return schema::Ok();
}

Outcome PrepareShard(schema::Rotation& rotation, const std::string& name, const std::string& key,
                     Time now) {
  rotation.next_shard = schema::NextShard{name, key, now};
  return schema::Ok();
}

Outcome MayOpen(const IssuingCas& cas, const std::string& name, std::chrono::seconds lead,
                Time now) {
  const auto& next = cas.next_shard();
  if (!next || next->terms.name != name) {
    return Error{&kRotateRefused, "log.certificates.shard: " + name +
                                      " is not announced; `chancery rotate prepare-shard " + name +
                                      " --key FILE` does that, and it is opened after ca.lead"};
  }
  if (const Time from = MayBeOpened(next->terms, lead); now < from) {
    return Error{&kRotateRefused, "log.certificates.shard: " + name + " may be opened from " +
                                      Rfc3339(from) +
                                      " on; until then not all clients may have its key (ca.lead)"};
  }
  return schema::Ok();
}

Json PlanOf(const IssuingCas& cas, const std::vector<ShardRow>& shards,
            const schema::Config& config, Time now) {
  Json all = Json::array();
  for (const auto& ca : cas.all()) all.push_back(Dates(*ca, config));
  Json next = NextSteps(cas, config, now);
  return {{"lead", schema::FormatDuration(config.ca.lead)},
          {"lifetime", schema::FormatDuration(config.ca.lifetime)},
          {"cas", std::move(all)},
          {"shards", Shards(cas, shards, config, now, next)},
          {"next", std::move(next)}};
}

}  // namespace ca
