#include "http/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "http/excess.h"

namespace http {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// Seconds; an issuance takes 1 to 20 ms, a wait for the HSM at most 1 s.
const Histogram::BucketBoundaries kLatency = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                              0.05,   0.1,   0.25,   0.5,   1,    2.5};

// A stranger chooses the method, so only the registered ones (RFC 9110 9.1) become a label value:
// each value is a series that is kept for ever.
std::string MethodLabel(std::string_view method) {
  constexpr std::array<std::pair<std::string_view, const char*>, 9> kKnown = {
      {{"GET", "get"},
       {"HEAD", "head"},
       {"POST", "post"},
       {"PUT", "put"},
       {"DELETE", "delete"},
       {"CONNECT", "connect"},
       {"OPTIONS", "options"},
       {"TRACE", "trace"},
       {"PATCH", "patch"}}};
  const auto* found =
      std::ranges::find(kKnown, method, &std::pair<std::string_view, const char*>::first);
  return found == kKnown.end() ? "other" : found->second;
}

// Counters elsewhere only grow; Prometheus counters take increments.
void RaiseTo(Counter& counter, std::uint64_t value) {
  const double more = static_cast<double>(value) - counter.Value();
  if (more > 0) counter.Increment(more);
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  Family<Counter>& requests = BuildCounter()
                                  .Name("http_requests_total")
                                  .Help("Requests answered, by status and method.")
                                  .Register(registry);
  Family<Histogram>& latency = BuildHistogram()
                                   .Name("fulcio_api_latency")
                                   .Help("Seconds a request took, by status and method.")
                                   .Register(registry);
  Family<Counter>& certificates =
      BuildCounter().Name("fulcio_new_certs").Help("Certificates issued.").Register(registry);
  Family<Counter>& issuance =
      BuildCounter()
          .Name("chancery_issuance_total")
          .Help("Signing requests, by result: granted, retry, or the refusal's id.")
          .Register(registry);
  Family<Counter>& timestamps =
      BuildCounter()
          .Name("chancery_timestamps_total")
          .Help("Timestamp requests, by result: granted, or the refusal's id.")
          .Register(registry);
  Family<Gauge>& timestamps_up =
      BuildGauge()
          .Name("chancery_timestamps_up")
          .Help("1 while clock, chain and events log let the timestamp authority stamp.")
          .Register(registry);
  Family<Counter>& hsm_operations =
      BuildCounter()
          .Name("chancery_hsm_operations_total")
          .Help("Signatures made with the issuing key, probes included.")
          .Register(registry);
  Family<Counter>& replacements = BuildCounter()
                                      .Name("chancery_hsm_recoveries_total")
                                      .Help("Signer processes replaced.")
                                      .Register(registry);
  Family<Counter>& reopenings = BuildCounter()
                                    .Name("chancery_hsm_sessions_reopened_total")
                                    .Help("Lost HSM sessions found again by the same signer.")
                                    .Register(registry);
  Family<Counter>& signatures =
      BuildCounter()
          .Name("chancery_signatures_total")
          .Help("Signatures that signers made, by their own count, by purpose.")
          .Register(registry);
  Family<Counter>& signatures_lost =
      BuildCounter()
          .Name("chancery_signatures_lost_total")
          .Help("Signatures asked of a signer that was lost before it answered, by purpose.")
          .Register(registry);
  Family<Gauge>& excess =
      BuildGauge()
          .Name("chancery_signature_excess")
          .Help("Signatures that nobody accounts for, by purpose: anything but 0 is an alarm.")
          .Register(registry);
  Family<Gauge>& hsm_up = BuildGauge()
                              .Name("chancery_hsm_up")
                              .Help("1 while a signer of this role is up.")
                              .Register(registry);
  Family<Counter>& token_operations =
      BuildCounter()
          .Name("chancery_hsm_token_operations_total")
          .Help("Signatures that a token made for callers, by role and token.")
          .Register(registry);
  Family<Counter>& token_failures =
      BuildCounter()
          .Name("chancery_hsm_token_failures_total")
          .Help("Requests that a signer of this token took and did not answer.")
          .Register(registry);
  Family<Gauge>& token_outstanding = BuildGauge()
                                         .Name("chancery_hsm_token_outstanding")
                                         .Help("Requests in the hands of this token's signers.")
                                         .Register(registry);
  Family<Gauge>& token_sessions = BuildGauge()
                                      .Name("chancery_hsm_token_sessions")
                                      .Help("Sessions of this token: up, and configured.")
                                      .Register(registry);
  Family<Gauge>& token_state =
      BuildGauge()
          .Name("chancery_hsm_token_state")
          .Help("1 for the state this token is in: serving, away, drained or refused.")
          .Register(registry);
  Family<Gauge>& tree_size =
      BuildGauge()
          .Name("chancery_log_tree_size")
          .Help("Entries durable in the log; published: covered by a checkpoint.")
          .Register(registry);
  Family<Gauge>& checkpoint_age = BuildGauge()
                                      .Name("chancery_checkpoint_age_seconds")
                                      .Help("Age of the newest checkpoint.")
                                      .Register(registry);
  Family<Gauge>& waiting =
      BuildGauge()
          .Name("chancery_precertificates_waiting")
          .Help("Certificates whose precertificate is not yet signed and stored.")
          .Register(registry);
  Family<Counter>& commits = BuildCounter()
                                 .Name("chancery_log_commits_total")
                                 .Help("Commits of the store.")
                                 .Register(registry);
  Family<Gauge>& ready =
      BuildGauge().Name("chancery_ready").Help("1 when /readyz answers 200.").Register(registry);
  Family<Gauge>& jwks_age =
      BuildGauge()
          .Name("chancery_jwks_age_seconds")
          .Help("Seconds since the issuer's keys were last fetched; -1: never.")
          .Register(registry);
  Family<Gauge>& file_current =
      BuildGauge()
          .Name("chancery_config_last_reload_successful")
          .Help("1 while what this file says is in force; 0: it was refused, the old one serves.")
          .Register(registry);
  Family<Gauge>& file_loaded = BuildGauge()
                                   .Name("chancery_config_loaded_timestamp_seconds")
                                   .Help("When the content in force of this file was loaded.")
                                   .Register(registry);
  Family<Counter>& file_failures = BuildCounter()
                                       .Name("chancery_config_reload_failures_total")
                                       .Help("Contents of this file that were refused.")
                                       .Register(registry);
  Family<Counter>& rate_limited =
      BuildCounter()
          .Name("chancery_rate_limited_total")
          .Help("Signing and timestamp requests refused because their address had sent too many.")
          .Register(registry);
  Family<Counter>& replays = BuildCounter()
                                 .Name("chancery_jti_replays_total")
                                 .Help("Tokens that came back with a key too many or too late.")
                                 .Register(registry);
  Family<Counter>& budget_refusals =
      BuildCounter()
          .Name("chancery_budget_refusals_total")
          .Help("Requests that a rule allowed and its budget refused.")
          .Register(registry);
  Family<Counter>& budgets_reached =
      BuildCounter()
          .Name("chancery_budgets_reached_total")
          .Help("Certificates that took the last one of a budget of several.")
          .Register(registry);
  Family<Counter>& first_seen =
      BuildCounter()
          .Name("chancery_first_seen_total")
          .Help(
              "Repositories, workflows, runner environments and key types certified for the "
              "first time of their issuer.")
          .Register(registry);
  Family<Gauge>& witness_lag =
      BuildGauge()
          .Name("chancery_witness_lag_entries")
          .Help("Entries of the newest checkpoint that this witness has not cosigned, by log.")
          .Register(registry);
  Family<Gauge>& witness_up = BuildGauge()
                                  .Name("chancery_witness_up")
                                  .Help("1 while this witness cosigns what it is given, by log.")
                                  .Register(registry);
  Family<Gauge>& withheld =
      BuildGauge()
          .Name("chancery_checkpoint_withheld")
          .Help("1 while the newest checkpoint is not published: keys away, or below the quorum.")
          .Register(registry);
  Family<Gauge>& shipping_up = BuildGauge()
                                   .Name("chancery_shipping_up")
                                   .Help("1 while this place takes the checkpoints shipped to it.")
                                   .Register(registry);
  // The series of each request, which a family would look for by its labels each time, having made
  // another one first: once for each status and method, and for each result.
  struct OfAnswers {
    Counter& requests;
    Histogram& latency;
  };
  std::shared_mutex series;
  std::map<std::pair<int, std::string>, OfAnswers> of_answers;
  std::map<std::string, Counter*, std::less<>> of_results;
  OfAnswers AnswersWith(int status, std::string method);
  Counter& ResultsOf(std::string_view result);

  std::atomic<bool> clock_kept = true;

  std::mutex render;  // one scrape raises the mirrored counters at a time; guards what follows
  std::map<std::string, Gauge*> issuers;                     // the series of jwks_age
  std::vector<std::pair<Family<Gauge>*, Gauge*>> of_tokens;  // those of each token's gauges

  void ShowTokens(const hsm::CustodyState& custody);
  void ShowIssuers(const std::vector<oidc::IssuerHealth>& health);
  void ShowSignatures(const hsm::CustodyState& custody, const ca::LogState& log);
  void ShowWatchers(const ca::LogState& log);
};

// An issuer that matched a pattern is forgotten in time, and so is its series: tokens name them.
void Metrics::Families::ShowIssuers(const std::vector<oidc::IssuerHealth>& health) {
  std::map<std::string, Gauge*> gone = std::move(issuers);
  issuers.clear();
  for (const oidc::IssuerHealth& issuer : health) {
    Gauge& age = jwks_age.Add({{"issuer", issuer.url}});
    age.Set(issuer.has_keys ? issuer.keys_age_seconds : -1);
    issuers[issuer.url] = &age;
    gone.erase(issuer.url);
  }
  for (const auto& [url, age] : gone) jwks_age.Remove(age);
}

// A CA that is retired has no signers any more, so no gauge says that they are up.
void Metrics::Families::ShowTokens(const hsm::CustodyState& custody) {
  using hsm::TokenStanding;
  auto gone = std::exchange(of_tokens, {});
  const auto set = [&](Family<Gauge>& family, const prometheus::Labels& labels, double value) {
    Gauge& gauge = family.Add(labels);
    gauge.Set(value);
    of_tokens.emplace_back(&family, &gauge);
    std::erase(gone, of_tokens.back());
  };
  for (const auto& token : custody.tokens) {
    const hsm::TokenState& state = token.state;
    const prometheus::Labels labels = {{"role", token.role}, {"token", token.name}};
    const auto with = [&labels](const char* name, std::string_view value) {
      prometheus::Labels more = labels;
      more[name] = std::string(value);
      return more;
    };
    RaiseTo(token_operations.Add(labels), token.signatures);
    RaiseTo(token_failures.Add(labels), state.failures);
    set(token_outstanding, labels, static_cast<double>(state.outstanding));
    set(token_sessions, with("are", "up"), static_cast<double>(state.signers));
    set(token_sessions, with("are", "configured"), static_cast<double>(state.sessions));
    for (const TokenStanding each : {TokenStanding::kServing, TokenStanding::kAway,
                                     TokenStanding::kDrained, TokenStanding::kRefused}) {
      set(token_state, with("state", hsm::StandingName(each)), state.standing == each ? 1 : 0);
    }
  }
  for (const auto& [family, gauge] : gone) family->Remove(gauge);
}

void Metrics::Families::ShowSignatures(const hsm::CustodyState& custody, const ca::LogState& log) {
  for (const hsm::SignatureCount& count : custody.signatures) {
    const prometheus::Labels labels = {{"purpose", std::string(hsm::PurposeName(count.purpose))}};
    RaiseTo(signatures.Add(labels), count.made);
    RaiseTo(signatures_lost.Add(labels), count.lost);
    excess.Add(labels).Set(0);
  }
  for (const Excess& found : FindExcess(custody, log)) {
    excess.Add({{"purpose", std::string(hsm::PurposeName(found.count.purpose))}})
        .Set(static_cast<double>(found.count.excess));
  }
}

void Metrics::Families::ShowWatchers(const ca::LogState& log) {
  for (const ca::WitnessState& witness : log.witnesses) {
    for (std::size_t i = 0; i < witness.logs.size(); ++i) {
      const ca::WitnessState::Log& one = witness.logs[i];
      const prometheus::Labels labels = {{"witness", witness.name},
                                         {"log", i == 0 ? "certificates" : "events"}};
      const std::uint64_t lag = one.asked > one.cosigned ? one.asked - one.cosigned : 0;
      witness_lag.Add(labels).Set(static_cast<double>(lag));
      witness_up.Add(labels).Set(one.trouble.empty() ? 1 : 0);
    }
  }
  for (const ca::ShipState& place : log.shipping) {
    shipping_up.Add({{"to", place.to}}).Set(place.trouble.empty() ? 1 : 0);
  }
  withheld.Add({}).Set(log.withheld.empty() ? 0 : 1);
}

Metrics::Metrics() : families_(std::make_unique<Families>()) {
  families_->certificates.Add({});
  families_->rate_limited.Add({});
}
Metrics::~Metrics() = default;

Metrics::Families::OfAnswers Metrics::Families::AnswersWith(int status, std::string method) {
  std::pair<int, std::string> key(status, std::move(method));
  {
    const std::shared_lock lock(series);
    const auto found = of_answers.find(key);
    if (found != of_answers.end()) return found->second;
  }
  const prometheus::Labels labels = {{"code", std::to_string(status)}, {"method", key.second}};
  const OfAnswers made{requests.Add(labels), latency.Add(labels, kLatency)};
  const std::lock_guard lock(series);
  return of_answers.try_emplace(std::move(key), made).first->second;
}

Counter& Metrics::Families::ResultsOf(std::string_view result) {
  {
    const std::shared_lock lock(series);
    const auto found = of_results.find(result);
    if (found != of_results.end()) return *found->second;
  }
  Counter& made = issuance.Add({{"result", std::string(result)}});
  const std::lock_guard lock(series);
  return *of_results.try_emplace(std::string(result), &made).first->second;
}

void Metrics::CountRequest(std::string_view method, int status, double seconds) {
  const Families::OfAnswers of = families_->AnswersWith(status, MethodLabel(method));
  of.requests.Increment();
  of.latency.Observe(seconds);
}

void Metrics::CountRateLimited() { families_->rate_limited.Add({}).Increment(); }

void Metrics::CountTimestamp(std::string_view result) {
  families_->timestamps.Add({{"result", std::string(result)}}).Increment();
}

void Metrics::ShowTimestamps(bool up) { families_->timestamps_up.Add({}).Set(up ? 1 : 0); }

void Metrics::ShowClock(bool kept) { families_->clock_kept = kept; }

void Metrics::CountIssuance(std::string_view result) {
  families_->ResultsOf(result).Increment();
  if (result == "granted") families_->certificates.Add({}).Increment();
}

std::string Metrics::Render(const hsm::CustodyState& custody, const ca::LogState& log,
                            const std::vector<oidc::IssuerHealth>& issuers,
                            const std::vector<FileState>& files) {
  const std::lock_guard lock(families_->render);
  RaiseTo(families_->hsm_operations.Add({}), custody.operations);
  RaiseTo(families_->replacements.Add({}), custody.replacements);
  RaiseTo(families_->reopenings.Add({}), custody.reopenings);
  families_->ShowSignatures(custody, log);
  families_->ShowWatchers(log);
  families_->ShowTokens(custody);
  RaiseTo(families_->commits.Add({}), log.commits);
  RaiseTo(families_->replays.Add({}), log.replays);
  RaiseTo(families_->budget_refusals.Add({}), log.budget_refusals);
  RaiseTo(families_->budgets_reached.Add({}), log.budgets_reached);
  for (std::size_t i = 0; i < ca::kTraitNames.size(); ++i) {
    RaiseTo(families_->first_seen.Add({{"kind", std::string(ca::kTraitNames[i])}}),
            log.first_seen[i]);
  }
  families_->hsm_up.Add({{"role", "issuing"}}).Set(custody.issuing_ready ? 1 : 0);
  families_->hsm_up.Add({{"role", "log"}}).Set(custody.log_ready ? 1 : 0);
  families_->tree_size.Add({{"log", "certificates"}})
      .Set(static_cast<double>(log.certificates_size));
  families_->tree_size.Add({{"log", "events"}}).Set(static_cast<double>(log.events_size));
  families_->tree_size.Add({{"log", "published"}}).Set(static_cast<double>(log.published_size));
  families_->checkpoint_age.Add({}).Set(log.checkpoint_age_seconds);
  families_->waiting.Add({}).Set(static_cast<double>(log.precertificates_waiting));
  const bool ready =
      log.ready && custody.issuing_ready && custody.log_ready && families_->clock_kept;
  families_->ready.Add({}).Set(ready ? 1 : 0);
  families_->ShowIssuers(issuers);
  for (const FileState& file : files) {
    const prometheus::Labels labels = {{"file", file.name}};
    families_->file_current.Add(labels).Set(file.refused.empty() ? 1 : 0);
    families_->file_loaded.Add(labels).Set(
        std::chrono::duration<double>(file.since.time_since_epoch()).count());
    RaiseTo(families_->file_failures.Add(labels), file.failures);
  }
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace http
