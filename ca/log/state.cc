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
                     schema::BytesView first) {
  const auto known = [&issuers](schema::BytesView key_hash) {
    return std::ranges::any_of(
        issuers, [key_hash](const schema::Hash& one) { return schema::Equal(one, key_hash); });
  };
  if (!known(first)) {
    return Same("ca.chain", "for an issuing key with SHA-256 " + schema::Hex(issuers.front()),
                "for an issuing key with SHA-256 " + schema::Hex(first));
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

}  // namespace

Result<LogKeys> CheckIdentity(Store& store, const schema::Config& config,
                              const std::vector<schema::Hash>& issuers, const hsm::KeyFacts& facts,
                              schema::TimeMs now) {
  const schema::ShardSettings& certificates = config.log.certificates;
  const schema::ShardSettings& events = config.log.events;
  const schema::Bytes key_hash(issuers.front().begin(), issuers.front().end());
  TRY(const ShardRow c, store.Adopt(LogName::kCertificates,
                                    {certificates.shard, certificates.origin, facts.log.bytes(),
                                     facts.certificates_note, key_hash, now}));
  TRY(const ShardRow e,
      store.Adopt(LogName::kEvents, {events.shard, events.origin, {}, facts.events_note, {}, now}));
  TRY(Same("log.certificates.shard", certificates.shard, c.name));
  TRY(Same("log.certificates.origin", certificates.origin, c.origin));
  TRY(SameOctets("log.certificates.key", facts.log.view(), c.log_key));
  TRY(SameOctets("log.certificates.note-key", facts.certificates_note, c.note_key));
  TRY(CheckIssuers(store, issuers, c.issuer_key_hash));
  TRY(Same("log.events.shard", events.shard, e.name));
  TRY(Same("log.events.origin", events.origin, e.origin));
  TRY(SameOctets("log.events.note-key", facts.events_note, e.note_key));
  return LogKeys{facts.log, schema::Sha256(facts.log.view()), facts.certificates_note,
                 facts.events_note, c.since};
}

}  // namespace ca
