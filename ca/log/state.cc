#include "ca/log/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace ca {

using schema::Error;
using schema::Fault;
using schema::Ok;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadState{"bad-state", Fault::kUs,
                                  "the state directory does not fit this configuration"};

Result<StateLock> StateLock::Take(const std::filesystem::path& state) {
  std::error_code failed;
  const bool made = std::filesystem::create_directories(state, failed);
  if (failed) return Error{&kBadState, state.string() + ": " + failed.message()};
  // The events log holds claims and addresses: for the service's own user and group.
  if (made) {
    std::filesystem::permissions(state, std::filesystem::perms(0750), failed);
    if (failed) return Error{&kBadState, state.string() + ": " + failed.message()};
  }
  const std::string path = (state / "lock").string();
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return Error{&kBadState, path + ": " + std::strerror(errno)};
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    ::close(fd);
    if (reason == EWOULDBLOCK) return Error{&kBadState, path + ": another process uses this state"};
    return Error{&kBadState, path + ": " + std::strerror(reason)};
  }
  return StateLock(fd);
}

StateLock::StateLock(StateLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
StateLock::~StateLock() {
  if (fd_ >= 0) ::close(fd_);
}

namespace {

Outcome Same(const char* setting, const std::string& now, const std::string& before) {
  if (now == before) return Ok();
  return Error{&kBadState,
               std::string(setting) + " is " + now + ", the state was made with " + before};
}

Outcome SameOctets(const char* setting, schema::BytesView now, schema::BytesView before) {
  return Same(setting, "a key with SHA-256 " + schema::Hex(schema::Sha256(now)),
              "a key with SHA-256 " + schema::Hex(schema::Sha256(before)));
}

Outcome CheckIssuers(Store& store, const std::vector<schema::Hash>& issuers,
                     const std::vector<ShardRow>& shards) {
  const auto known = [&issuers](schema::BytesView key_hash) {
    return std::ranges::any_of(
        issuers, [key_hash](const schema::Hash& one) { return schema::Equal(one, key_hash); });
  };
  for (const ShardRow& shard : shards) {
    if (shard.log != LogName::kCertificates || known(shard.issuer_key_hash)) continue;
    return Same("ca.chain", "for an issuing key with SHA-256 " + schema::Hex(issuers.front()),
                "for an issuing key with SHA-256 " + schema::Hex(shard.issuer_key_hash));
  }
  TRY(const std::vector<IssuingCaRow> cas, store.IssuingCas());
  for (const IssuingCaRow& ca : cas) {
    if (known(ca.key_hash)) continue;
    return Error{&kBadState, "ca.rotation does not name CA " + ca.name +
                                 ", whose key has SHA-256 " + schema::Hex(ca.key_hash) +
                                 "; its certificates are in this log: put it back"};
  }
  return Ok();
}

// What the configuration wants of a log, and the settings to name.
struct Wanted {
  LogName log;
  std::string setting;
  NewShard shard;
};

Error Unfit(const Wanted& wanted, const char* key, const std::string& why) {
  return Error{&kBadState, wanted.setting + "." + key + ": " + why};
}

Outcome SameShard(const Wanted& wanted, const ShardRow& stored) {
  const std::string& log = wanted.setting;
  TRY(Same((log + ".origin").c_str(), wanted.shard.origin, stored.origin));
  TRY(SameOctets((log + ".key").c_str(), wanted.shard.log_key, stored.log_key));
  return SameOctets((log + ".note-key").c_str(), wanted.shard.note_key, stored.note_key);
}

// Two trees under one origin or one key could pass for a fork of one.
Outcome NothingOld(const Wanted& wanted, const ShardRow& before) {
  const NewShard& shard = wanted.shard;
  const std::string old = "of shard " + before.name + ", and a new shard needs one of its own";
  if (before.log == wanted.log && shard.name == before.name) {
    return Unfit(wanted, "shard", "shard " + before.name + " is closed; others came after it");
  }
  if (shard.origin == before.origin) return Unfit(wanted, "origin", "it is that " + old);
  if (before.log != wanted.log) return Ok();
  if (!shard.log_key.empty() && shard.log_key == before.log_key) {
    return Unfit(wanted, "key", "it is that " + old);
  }
  if (shard.note_key == before.note_key) return Unfit(wanted, "note-key", "it is that " + old);
  return Ok();
}

// The shard that is written is this one; or it is one to be opened behind that.
Result<std::optional<Opening>> Follow(const std::vector<ShardRow>& shards, const Wanted& wanted) {
  const ShardRow* newest = nullptr;
  for (const ShardRow& row : shards) {
    if (row.log == wanted.log) newest = &row;
  }
  if (newest == nullptr) return std::optional<Opening>({wanted.log, wanted.shard});
  if (newest->name == wanted.shard.name) {
    TRY(SameShard(wanted, *newest));
    return std::optional<Opening>();
  }
  for (const ShardRow& row : shards) TRY(NothingOld(wanted, row));
  // Its key is not here to sign another checkpoint.
  if (newest->published.value_or(0) != newest->size) {
    return Unfit(wanted, "shard",
                 "no checkpoint covers all " + std::to_string(newest->size) + " entries of shard " +
                     newest->name +
                     " yet; start once more with its settings, and stop when /readyz says ready");
  }
  NewShard fresh = wanted.shard;
  fresh.since = std::max(fresh.since, newest->time);
  return std::optional<Opening>({wanted.log, std::move(fresh)});
}

}  // namespace

Result<LogKeys> LogKeysOf(const std::vector<ShardRow>& shards, const std::string& certificates,
                          const std::string& events) {
  LogKeys keys;
  for (const LogName log : {LogName::kCertificates, LogName::kEvents}) {
    const bool of_certificates = log == LogName::kCertificates;
    const std::string& name = of_certificates ? certificates : events;
    FormerShard* before = nullptr;
    const ShardRow* found = nullptr;
    for (const ShardRow& shard : shards) {
      if (shard.log != log) continue;
      if (before != nullptr) before->until = shard.since;
      if (shard.name == name) {
        found = &shard;
        break;
      }
      before = &keys.former.emplace_back(FormerShard{log, shard.name, shard.origin,
                                                     schema::SpkiDer(shard.log_key), shard.note_key,
                                                     shard.since, shard.since});
    }
    if (found == nullptr) return Error{&kBadState, "it does not hold shard " + name};
    if (!of_certificates) {
      keys.events_note_key = found->note_key;
      continue;
    }
    keys.log_key = schema::SpkiDer(found->log_key);
    keys.log_id = schema::Sha256(keys.log_key.view());
    keys.certificates_note_key = found->note_key;
    keys.since = found->since;
  }
  return keys;
}

Result<std::vector<Opening>> CheckIdentity(Store& store, const std::vector<ShardRow>& shards,
                                           const schema::Config& config,
                                           const std::vector<schema::Hash>& issuers,
                                           const hsm::KeyFacts& facts, schema::TimeMs now) {
  const schema::ShardSettings& certificates = config.log.certificates;
  const schema::ShardSettings& events = config.log.events;
  const schema::Bytes key_hash(issuers.front().begin(), issuers.front().end());
  TRY(CheckIssuers(store, issuers, shards));
  const Wanted all[] = {{LogName::kCertificates,
                         "log.certificates",
                         {certificates.shard, certificates.origin, facts.log.bytes(),
                          facts.certificates_note, key_hash, now}},
                        {LogName::kEvents,
                         "log.events",
                         {events.shard, events.origin, {}, facts.events_note, {}, now}}};
  std::vector<Opening> openings;
  for (const Wanted& wanted : all) {
    TRY(auto opening, Follow(shards, wanted));
    if (opening) openings.push_back(*std::move(opening));
  }
  return openings;
}

}  // namespace ca
