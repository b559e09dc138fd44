#include "oidc/keys.h"

#include <algorithm>
#include <optional>

namespace oidc {

using schema::Error;
using schema::Outcome;
using schema::Result;
using schema::TimeMs;
using std::chrono::seconds;

struct KeyStore::Entry {
  Entry(std::shared_ptr<const Issuer> the_issuer, std::string the_url, TimeMs now)
      : issuer(std::move(the_issuer)), url(std::move(the_url)), due(now), used_at(now) {}

  std::shared_ptr<const Issuer> issuer;
  const std::string url;

  std::shared_ptr<const KeySet> keys;  // of the last good fetch; null before it
  TimeMs fetched_at{};                 // when that was
  std::optional<Discovery> discovery;  // fetched again after a failure and with every `lifetime`
  bool fetching = false;
  int attempts = 0;  // finished fetches, good or not
  int failures = 0;  // since the last good one
  TimeMs tried_at{};
  TimeMs due;  // when the background should fetch
  TimeMs used_at;
  std::string last_error;
  std::condition_variable done;  // a fetch finished
};

namespace {
// The clock is an argument and may jump, so no sleep is longer than this.
constexpr seconds kLongestSleep{30};
}  // namespace

KeyStore::KeyStore(const IssuerSet& issuers, schema::Fetcher& fetcher, const schema::Clock& clock,
                   schema::Journal& journal, KeySettings settings)
    : fetcher_(fetcher), clock_(clock), journal_(journal), settings_(settings) {
  const TimeMs now = clock_.Now();
  for (const auto& [url, issuer] : issuers.exact)
    entries_.emplace(url, std::make_shared<Entry>(issuer, url, now));
  for (std::size_t i = 0; i < settings_.workers; ++i) threads_.emplace_back([this] { Work(); });
}

KeyStore::~KeyStore() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<std::shared_ptr<const KeySet>> KeyStore::Keys(const std::shared_ptr<const Issuer>& issuer,
                                                     const std::string& iss, std::string_view kid) {
  Lock lock(mutex_);
  TimeMs now = clock_.Now();
  TRY(const EntryRef entry, FindOrAdd(issuer, iss, now));
  entry->used_at = now;
  if (entry->due <= now) work_.notify_one();
  if (Usable(*entry, now) && entry->keys->Has(kid)) return entry->keys;
  if (MayWait(*entry, now)) {
    TRY(FetchOrWait(lock, entry));
    now = clock_.Now();
  }
  // Without an answer from the issuer we cannot say that a key does not exist, only that we do not
  // know.
  if (!Usable(*entry, now) || (entry->failures > 0 && !entry->keys->Has(kid)))
    return Error{&kIssuerUnavailable, iss + ": " + entry->last_error};
  return entry->keys;
}

// Everything that says from where, and under whose roots, an issuer's documents come.
bool KeyStore::FetchedAlike(const Issuer& a, const Issuer& b) {
  return a.ca_pem == b.ca_pem && a.ca_file == b.ca_file && a.allow_http == b.allow_http;
}

void KeyStore::Replace(const IssuerSet& issuers) {
  const std::lock_guard lock(mutex_);
  const TimeMs now = clock_.Now();
  std::map<std::string, EntryRef, std::less<>> kept;
  for (const auto& [url, entry] : entries_) {
    auto issuer = issuers.Find(url);
    if (issuer == nullptr || !FetchedAlike(*issuer, *entry->issuer)) continue;
    entry->issuer = std::move(issuer);
    kept.emplace(url, entry);
  }
  for (const auto& [url, issuer] : issuers.exact) {
    if (!kept.contains(url)) kept.emplace(url, std::make_shared<Entry>(issuer, url, now));
  }
  entries_ = std::move(kept);
  work_.notify_all();
}

void KeyStore::Suspect(const std::string& iss) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(iss);
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  if (entry.failures > 0) return;  // its retries are under way
  entry.due = std::min(entry.due, entry.tried_at + settings_.floor);
  work_.notify_one();
}

Result<KeyStore::EntryRef> KeyStore::FindOrAdd(const std::shared_ptr<const Issuer>& issuer,
                                               const std::string& iss, TimeMs now) {
  const auto found = entries_.find(iss);
  if (found != entries_.end()) return found->second;
  if (!issuer->wildcard()) return Error{&kIssuerUnknown, "not configured any more"};
  if (!MakeRoom(now))
    return Error{&kIssuerUnavailable, "too many issuers that match a pattern have no keys"};
  auto entry = std::make_shared<Entry>(issuer, iss, now);
  entries_.emplace(iss, entry);
  return entry;
}

// Names that match a pattern are a stranger's to invent, so those that failed are few and stay for
// `retry_max`: that bounds the fetches they cause. Those with keys give way to newer ones.
bool KeyStore::MakeRoom(TimeMs now) {
  std::size_t with_keys = 0, without = 0;
  auto oldest = entries_.end(), forgettable = entries_.end();
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    const Entry& entry = *at->second;
    if (!entry.issuer->wildcard()) continue;
    ++(entry.keys ? with_keys : without);
    if (entry.fetching) continue;
    if (!entry.keys && entry.due <= now) forgettable = at;
    if (entry.keys && (oldest == entries_.end() || entry.used_at < oldest->second->used_at))
      oldest = at;
  }
  if (without >= settings_.pattern_failures_max) {
    if (forgettable == entries_.end()) return false;
    entries_.erase(forgettable);
  }
  if (with_keys >= settings_.pattern_issuers_max && oldest != entries_.end())
    entries_.erase(oldest);
  return true;
}

bool KeyStore::Usable(const Entry& entry, TimeMs now) const {
  return entry.keys != nullptr && now - entry.fetched_at <= settings_.stale_max;
}

// A dead endpoint must not hold request threads: after a failure only the background goes there,
// except for pattern issuers without keys, which it does not know.
bool KeyStore::MayWait(const Entry& entry, TimeMs now) const {
  if (entry.failures > 0) return entry.issuer->wildcard() && !entry.keys && entry.due <= now;
  return entry.fetching || entry.attempts == 0 || now - entry.tried_at >= settings_.floor;
}

Outcome KeyStore::FetchOrWait(Lock& lock, const EntryRef& entry) {
  if (waiting_ >= settings_.waiters_max)
    return Error{&kIssuerUnavailable, "too many requests wait for issuers' keys"};
  ++waiting_;
  if (entry->fetching) {
    const int attempts = entry->attempts;
    entry->done.wait_for(lock, settings_.timeout, [&] { return entry->attempts != attempts; });
  } else {
    Fetch(lock, entry);
  }
  --waiting_;
  return schema::Ok();
}

void KeyStore::Fetch(Lock& lock, const EntryRef& entry) {
  const TimeMs started = clock_.Now();
  entry->fetching = true;
  entry->tried_at = started;
  std::optional<Discovery> known;
  const bool renew = started - entry->fetched_at >= settings_.lifetime;
  if (entry->failures == 0 && !renew) known = entry->discovery;
  const std::shared_ptr<const Issuer> issuer = entry->issuer;  // Replace may give it another
  lock.unlock();
  auto fetched = FetchKeys(fetcher_, *issuer, entry->url, std::move(known), settings_.timeout);
  lock.lock();
  Publish(*entry, std::move(fetched), clock_.Now());
  entry->fetching = false;
  ++entry->attempts;
  entry->done.notify_all();
}

void KeyStore::Publish(Entry& entry, Result<FetchedKeys> fetched, TimeMs now) {
  if (fetched) {
    entry.keys = fetched->keys;
    entry.discovery = std::move(fetched->discovery);
    entry.fetched_at = now;
    entry.due = now + settings_.lifetime;
    const bool news = entry.attempts == 0 || entry.failures > 0;
    entry.failures = 0;
    entry.last_error.clear();
    if (news)
      journal_.Info("issuer-keys-fetched",
                    {{"issuer", entry.url},
                     {"keys", std::to_string(entry.keys->size())},
                     {"skipped", std::to_string(entry.keys->skipped().size())}});
    return;
  }
  entry.last_error = fetched.error().detail;
  auto pause = settings_.retry_max;
  // A pattern issuer without keys waits the whole time: see MakeRoom.
  if ((entry.keys || !entry.issuer->wildcard()) && entry.failures < 16)
    pause = std::min(pause, settings_.floor * (1 << entry.failures));
  ++entry.failures;
  entry.due = now + pause;
  journal_.Warning("issuer-keys-failed", {{"issuer", entry.url},
                                          {"reason", std::string(fetched.error().kind->id)},
                                          {"detail", entry.last_error},
                                          {"keys", entry.keys ? "kept" : "none"}});
}

// Pattern issuers without keys are not the background's: a request asks for them.
KeyStore::EntryRef KeyStore::NextDue() const {
  EntryRef next;
  for (const auto& [url, entry] : entries_) {
    if (entry->fetching || (entry->issuer->wildcard() && !entry->keys)) continue;
    if (next == nullptr || entry->due < next->due) next = entry;
  }
  return next;
}

// A clock that was set back must not leave an issuer waiting for a time far away.
void KeyStore::FollowClock(TimeMs now) {
  for (const auto& [url, entry] : entries_) {
    entry->tried_at = std::min(entry->tried_at, now);
    entry->fetched_at = std::min(entry->fetched_at, now);
    entry->used_at = std::min(entry->used_at, now);
    entry->due = std::min(entry->due, now + std::max(settings_.lifetime, settings_.retry_max));
  }
}

void KeyStore::DropIdle(TimeMs now) {
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = *item.second;
    return entry.issuer->wildcard() && entry.keys && !entry.fetching &&
           now - entry.used_at > settings_.idle_max;
  });
}

void KeyStore::Work() {
  Lock lock(mutex_);
  while (!stop_) {
    const TimeMs now = clock_.Now();
    FollowClock(now);
    DropIdle(now);
    const EntryRef next = NextDue();
    if (next != nullptr && next->due <= now) {
      Fetch(lock, next);
      continue;
    }
    std::chrono::milliseconds pause = kLongestSleep;
    if (next != nullptr) pause = std::min(pause, next->due - now);
    work_.wait_for(lock, pause);
  }
}

std::vector<IssuerHealth> KeyStore::Health() const {
  const std::lock_guard lock(mutex_);
  const TimeMs now = clock_.Now();
  std::vector<IssuerHealth> out;
  for (const auto& [url, entry] : entries_) {
    double age = 0;
    if (entry->keys)
      age = std::max(0.0, std::chrono::duration<double>(now - entry->fetched_at).count());
    out.push_back({url, Usable(*entry, now) && entry->keys->size() > 0, age, entry->last_error});
  }
  return out;
}

}  // namespace oidc
