#include "http/house.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "ca/authority.h"
#include "ca/rotate.h"
#include "ca/tsa/custody_signer.h"
#include "ca/tsa/kept_chains.h"
#include "ca/tsa/kernel_clock.h"
#include "hsm/custody.h"
#include "http/address_limit.h"
#include "http/ca_reload.h"
#include "http/custody_watch.h"
#include "http/fetch.h"
#include "http/internal_routes.h"
#include "http/log_routes.h"
#include "http/metrics.h"
#include "http/proxy.h"
#include "http/reload.h"
#include "http/signing.h"
#include "http/timestamp_routes.h"
#include "http/trust_routes.h"
#include "http/tuf_routes.h"
#include "schema/base/file.h"

namespace http {

using schema::Error;
using schema::Outcome;
using schema::Result;

// In the order in which they need each other; destroyed in reverse.
struct HouseParts {
  schema::Journal* journal;
  oidc::Rules rules;
  schema::Config config;
  schema::WatcherSettings watchers;
  std::string rotation_text;  // of ca.rotation at the start; empty while there is no file
  std::unique_ptr<ca::CasInForce> cas;
  std::optional<ca::TimestampChain> timestamp_chain;  // with tsa; nothing once it is in use
  std::vector<ca::TimestampChain> timestamp_chains;   // this one too
  schema::SystemClock clock;
  ca::KernelClock kernel_clock;
  std::unique_ptr<hsm::Custody> custody;
  std::unique_ptr<schema::Fetcher> fetcher;
  std::unique_ptr<schema::Sender> sender;
  std::unique_ptr<oidc::Verifier> verifier;
  std::unique_ptr<ca::Log> log;
  std::unique_ptr<ca::Authority> authority;
  std::unique_ptr<ca::CustodyStampSigner> stamp_signer;
  std::unique_ptr<ca::Stamping> stamping;  // null without tsa
  std::unique_ptr<CaReload> rotation;      // null without ca.rotation
  std::unique_ptr<Reloader> reloader;
  std::unique_ptr<Metrics> metrics;
  std::unique_ptr<AddressLimit> address_limit;
  std::unique_ptr<Services> services;
  std::unique_ptr<CustodyWatch> custody_watch;
};

namespace {

// An error of this setting: the message starts with the configuration key the operator has to look
// at.
template <class T>
Result<T> At(const char* key, Result<T> result) {
  if (result) return result;
  Error error = std::move(result).error();
  error.detail = std::string(key) + ": " + error.detail;
  return error;
}

Outcome LoadCas(HouseParts& house) {
  const schema::Time now = schema::ToSeconds(house.clock.Now());
  if (house.config.ca.rotation.empty()) {
    TRY(const std::string pem, At("ca.chain", schema::ReadFile(house.config.ca.chain)));
    TRY(ca::Chain chain, At("ca.chain", ca::LoadChain(pem, now)));
    TRY(chain.precertificate_signer, ca::ReadPrecertificateSigner(house.config, chain, now));
    TRY(ca::IssuingCas one, ca::IssuingCas::Of(std::move(chain)));
    house.cas = std::make_unique<ca::CasInForce>(std::move(one));
    return schema::Ok();
  }
  TRY(house.rotation_text, At("ca.rotation", ReadRotationText(house.config)));
  TRY(const schema::Rotation rotation,
      At("ca.rotation", RotationIn(house.config, house.rotation_text)));
  TRY(ca::IssuingCas several, At("ca.rotation", ca::IssuingCas::Load(house.config, rotation, now)));
  house.cas = std::make_unique<ca::CasInForce>(std::move(several));
  return schema::Ok();
}

Outcome LoadTimestampChain(HouseParts& house) {
  if (!house.config.tsa) return schema::Ok();
  const schema::Time now = schema::ToSeconds(house.clock.Now());
  TRY(house.timestamp_chain, At("tsa.chain", ca::ReadTimestampChain(*house.config.tsa, now)));
  return schema::Ok();
}

// ca.rotation says of a shard of certificates that it may follow the one that is written.
ca::MayOpenShard MayOpen(const HouseParts& house) {
  if (house.config.ca.rotation.empty()) return {};
  return [&house](const std::string& shard) {
    return ca::MayOpen(*house.cas->Now(), shard, house.config.ca.lead,
                       schema::ToSeconds(house.clock.Now()));
  };
}

Outcome ParseText(const Ground& ground, const std::string& text, HouseParts& house) {
  TRY(house.config, schema::ParseConfig(text, ground.file));
  TRY(house.watchers, schema::ParseWatchers(text, ground.file));
  return schema::Ok();
}

Outcome LoadKeys(HouseParts& house, const std::filesystem::path& program) {
  // Its errors name the key they are about: ca.key or one of log's.
  TRY(house.custody, hsm::Custody::Start(house.config, program, *house.journal));
  // The probe signature that Start verified was made by the key it reported; here that key meets
  // the chain.
  const auto cas = house.cas->Now();
  const ca::Chain& chain = cas->active().chain;
  if (house.custody->facts().issuing != chain.spki) {
    return Error{&hsm::kKeyUnusable,
                 "ca.chain: the public key of the chain's first certificate is not that of ca.key"};
  }
  const schema::ShardSettings& shard = house.config.log.certificates;
  const auto& next = cas->next_shard();
  if (next && next->terms.name == shard.shard && next->log_key != house.custody->facts().log) {
    return Error{&hsm::kKeyUnusable,
                 "log.certificates.key: it is not the key that ca.rotation has "
                 "published for shard " +
                     shard.shard};
  }
  const auto& signer = chain.precertificate_signer;
  if (signer && house.custody->facts().precertificate != signer->spki) {
    return Error{&hsm::kKeyUnusable,
                 "log.precertificate-chain: the public key of the chain's first certificate is not "
                 "that of log.precertificate-key"};
  }
  if (house.timestamp_chain && house.custody->facts().timestamp != house.timestamp_chain->spki) {
    return Error{
        &hsm::kKeyUnusable,
        "tsa.chain: the public key of the chain's first certificate is not that of tsa.key"};
  }
  return schema::Ok();
}

void ReportLeftOut(HouseParts& house, const std::vector<Error>& problems) {
  for (const Error& problem : problems) {
    house.journal->Error("issuer-left-out",
                         {{"file", house.config.issuers.string()}, {"reason", problem.Describe()}});
  }
}

// In the events log `issuers-loaded` is the border between what was verified under the old issuers
// and under the new.
Outcome AdoptIssuers(HouseParts& house, const oidc::LoadedIssuers& loaded) {
  return house.log->Adopt(
      {.issuers = loaded.digest},
      {{"type", "issuers-loaded"}, {"issuers_digest", loaded.digest}, {"issuers", loaded.count}});
}

Outcome LoadIssuers(HouseParts& house) {
  TRY(const std::string text, At("issuers", schema::ReadFile(house.config.issuers)));
  house.fetcher = MakeFetcher();
  std::vector<Error> problems;
  TRY(house.verifier,
      At("issuers", oidc::Verifier::Create(text, house.config.directory, *house.fetcher,
                                           house.clock, *house.journal, problems, house.rules)));
  ReportLeftOut(house, problems);
  return schema::Ok();
}

std::vector<schema::Hash> KeyHashes(const ca::IssuingCas& cas) {
  std::vector<schema::Hash> hashes;
  for (const auto& ca : cas.all()) hashes.push_back(ca->chain.key_hash);
  return hashes;
}

// Null: the clock is trusted as it is.
const ca::ClockDiscipline* CaClock(const HouseParts& house) {
  return house.config.ca.kernel_clock ? &house.kernel_clock : nullptr;
}

Outcome LoadAuthority(HouseParts& house) {
  TRY(const std::string text, At("policy", schema::ReadFile(house.config.policy)));
  TRY(ca::Policy policy, At("policy", ca::Policy::Parse(text)));
  const auto cas = house.cas->Now();
  house.sender = MakeSender();
  TRY(house.log, At("log", ca::Log::Open(house.config, cas->active().chain, *house.custody,
                                         house.clock, *house.journal, KeyHashes(*cas),
                                         house.watchers, house.sender.get(), MayOpen(house))));
  house.authority = std::make_unique<ca::Authority>(
      ca::AuthoritySettings{{house.config.ca.lifetime, house.config.ca.backdate},
                            house.config.log.redact_claims,
                            CaClock(house)},
      *house.cas, std::move(policy), *house.custody, *house.log, house.clock);
  if (!house.config.ca.rotation.empty()) {
    house.rotation = std::make_unique<CaReload>(house.config, *house.cas, *house.custody,
                                                *house.authority, *house.log, house.clock);
  }
  return schema::Ok();
}

// What the signers read of their keys at this start.
Outcome EnterKeys(HouseParts& house) {
  for (const std::string& report : house.custody->key_reports()) {
    TRY(std::vector<schema::Json> events, KeyEvents(report));
    for (schema::Json& event : events) TRY(house.log->Note(std::move(event)));
  }
  return schema::Ok();
}

Outcome EnterStart(HouseParts& house) {
  const hsm::KeyFacts& facts = house.custody->facts();
  TRY(house.log->Note({{"type", "started"}, {"version", CHANCERY_VERSION}}));
  TRY(house.authority->Adopt(*house.authority->policy()));
  TRY(AdoptIssuers(house, house.verifier->Loaded()));
  TRY(EnterKeys(house));
  if (house.rotation) {
    TRY(house.rotation->Load(house.rotation_text));
  }
  return house.log->Note(
      {{"type", "keys-read"},
       {"token", facts.token},
       {"token_serial", facts.token_serial},
       {"issuing_key_sha256", schema::Hex(house.cas->Now()->active().chain.key_hash)},
       {"log_id", schema::Hex(house.log->keys().log_id)}});
}

// Verifiers are told of an authority before it stamps.
Outcome KeepTimestampChains(HouseParts& house) {
  if (house.timestamp_chain) {
    TRY(ca::KeepTimestampChain(house.config.state, *house.timestamp_chain,
                               schema::ToSeconds(house.clock.Now())));
  }
  TRY(house.timestamp_chains, ca::KeptTimestampChains(house.config.state));
  return schema::Ok();
}

Outcome OpenStamping(HouseParts& house) {
  TRY(KeepTimestampChains(house));
  if (!house.config.tsa) return schema::Ok();
  const schema::TsaSettings& settings = *house.config.tsa;
  TRY(house.log->Note(
      {{"type", "timestamp-authority-read"},
       {"certificate_sha256", schema::Hex(house.timestamp_chain->digest)},
       {"key_sha256", schema::Hex(schema::Sha256(house.timestamp_chain->spki.view()))},
       {"policy", settings.policy}}));
  house.stamp_signer = std::make_unique<ca::CustodyStampSigner>(*house.custody);
  TRY(house.stamping,
      At("tsa", ca::Stamping::Open(
                    settings, *std::exchange(house.timestamp_chain, std::nullopt),
                    {house.clock, settings.kernel_clock ? &house.kernel_clock : nullptr,
                     *house.stamp_signer,
                     [&house](schema::Json event) { return house.log->Note(std::move(event)); },
                     *house.journal})));
  return schema::Ok();
}

Outcome ReloadIssuers(HouseParts& house, const std::string& text) {
  std::vector<Error> problems;
  const auto loaded = house.verifier->Reload(
      text, problems,
      [&house](const oidc::LoadedIssuers& issuers) { return AdoptIssuers(house, issuers); });
  ReportLeftOut(house, problems);
  return loaded;
}

Outcome ReloadPolicy(HouseParts& house, const std::string& text) {
  TRY(ca::Policy policy, ca::Policy::Parse(text));
  return house.authority->Adopt(std::move(policy));
}

void MakeReloader(HouseParts& house) {
  // Issuers first: a policy that comes with a new issuer finds it.
  std::vector<ReloadedFile> files = {
      {"issuers", house.config.issuers, house.verifier->Loaded().digest,
       [&house](const std::string& text) { return ReloadIssuers(house, text); }},
      {"policy", house.config.policy, house.authority->policy()->digest(),
       [&house](const std::string& text) { return ReloadPolicy(house, text); }},
  };
  if (house.rotation) {
    files.push_back({"rotation", house.config.ca.rotation, schema::TextDigest(house.rotation_text),
                     [&house](const std::string& text) { return house.rotation->Load(text); },
                     true});
  }
  house.reloader = std::make_unique<Reloader>(
      std::move(files), [&house](schema::Json event) { return house.log->Note(std::move(event)); },
      house.clock, *house.journal);
}

void MakeServices(HouseParts& house) {
  house.metrics = std::make_unique<Metrics>();
  std::array<std::uint64_t, 2> secret{};
  MUST(getrandom(secret.data(), sizeof secret, 0) == ssize_t{sizeof secret});
  house.address_limit = std::make_unique<AddressLimit>(house.config.limits.per_address, secret);
  house.services = std::make_unique<Services>(
      Services{house.config, *house.cas, *house.verifier, *house.authority, *house.custody,
               *house.log, *house.metrics, *house.address_limit, *house.journal, *house.reloader,
               house.stamping.get(), house.timestamp_chains, CaClock(house)});
}

}  // namespace

Result<std::unique_ptr<House>> House::Build(const Ground& ground, const std::string& text) {
  auto parts = std::make_unique<HouseParts>();
  HouseParts& house = *parts;
  house.journal = &ground.journal;
  house.rules = ground.rules;
  TRY(ParseText(ground, text, house));
  TRY(LoadCas(house));
  TRY(LoadTimestampChain(house));
  TRY(LoadKeys(house, ground.program));
  TRY(LoadIssuers(house));
  TRY(LoadAuthority(house));
  TRY(EnterStart(house));
  TRY(OpenStamping(house));
  MakeReloader(house);
  MakeServices(house);
  return std::unique_ptr<House>(new House(std::move(parts)));
}

House::House(std::unique_ptr<HouseParts> parts) : parts_(std::move(parts)) {}

void House::Start() {
  HouseParts& house = *parts_;
  house.reloader->Start();
  house.custody_watch = std::make_unique<CustodyWatch>(
      *house.custody, [&house](schema::Json event) { return house.log->Note(std::move(event)); },
      [&house] { return house.log->State(); }, *house.journal, CustodyWatch::Pace{});
}

Result<schema::Config> House::Accepts(const Ground& ground, const std::string& text) const {
  HouseParts next;
  TRY(ParseText(ground, text, next));
  TRY(LoadCas(next));
  TRY(LoadTimestampChain(next));
  const std::string& shard = next.config.log.certificates.shard;
  const bool known = std::ranges::any_of(parts_->log->shards(), [&](const ca::ServedShard& one) {
    return one.log == ca::LogName::kCertificates && one.name == shard;
  });
  const ca::MayOpenShard may_open = MayOpen(next);
  if (!known && may_open) TRY(may_open(shard));
  return std::move(next.config);
}

void House::AskReload() { parts_->reloader->Ask(); }

void House::StopReload() { parts_->reloader->Stop(); }

House::~House() {
  HouseParts& house = *parts_;
  house.reloader->Stop();
  house.custody_watch.reset();
  house.stamping.reset();
  if (const auto noted = house.log->Note({{"type", "stopped"}}); !noted) {
    house.journal->Warning("stop-not-entered", {{"reason", noted.error().Describe()}});
  }
}

const schema::Config& House::config() const { return parts_->config; }

Answers House::PublicAnswers() {
  Answers answers;
  answers.router.AllowEveryOrigin();
  AddSigningRoutes(*parts_->services, answers.router);
  AddTrustRoutes(*parts_->services, answers.router);
  AddTimestampRoutes(*parts_->services, answers.router);
  AddTufRoutes(*parts_->services, answers.router);
  answers.on_answer = [metrics = parts_->metrics.get()](const Request& request,
                                                        const Response& response, double seconds) {
    metrics->CountRequest(request.method, response.status, seconds);
  };
  answers.client_address = BehindProxies();
  return answers;
}

Answers House::LogAnswers() {
  Answers answers;
  answers.router.AllowEveryOrigin();
  AddCertificatesLogRoutes(*parts_->services, answers.router);
  answers.client_address = BehindProxies();
  return answers;
}

Answers House::InternalAnswers() {
  Answers answers;
  AddInternalRoutes(*parts_->services, answers.router);
  AddEventsLogRoutes(*parts_->services, answers.router);
  answers.client_address = BehindProxies();
  return answers;
}

std::function<std::string(const Request&)> House::BehindProxies() const {
  const auto& trusted = parts_->config.listen.trusted_proxies;
  if (trusted.empty()) return {};
  return [trusted](const Request& request) { return ClientAddress(request, trusted); };
}

}  // namespace http
