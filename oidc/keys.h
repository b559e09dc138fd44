// The keys of every issuer, fetched in the background and kept while their endpoint is away.
//
// A lookup uses what is there. It waits only when there are no keys yet or the `kid` is not among
// them, and then one thread of all that wait fetches. Whatever a stranger sends, an issuer is asked
// at most once per `floor`, an unknown one never.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "oidc/issuers.h"
#include "oidc/key_fetch.h"
#include "oidc/verifier.h"
#include "schema/base/fetch.h"
#include "schema/base/journal.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace oidc {

struct KeySettings {
  std::chrono::seconds lifetime{600};         // keys older than this are fetched again
  std::chrono::seconds floor{10};             // between two fetches of one issuer
  std::chrono::seconds retry_max{300};        // failures double the wait from `floor` up to this
  std::chrono::seconds stale_max{24 * 3600};  // older keys are not used, whatever the endpoint does
  std::chrono::seconds idle_max{3600};        // pattern issuers: forgotten when unused for so long
  std::chrono::milliseconds timeout{5000};    // one visit: both documents
  std::size_t workers = 4;                // background threads: so many dead issuers delay nobody
  std::size_t waiters_max = 32;           // request threads held by fetches, all issuers together
  std::size_t pattern_issuers_max = 256;  // issuers that matched a pattern and have keys
  std::size_t pattern_failures_max = 32;  // … and have none; each is remembered for `retry_max`
};

class KeyStore {
 public:
  // Starts the threads; does not wait for them. All references must outlive the store.
  KeyStore(const IssuerSet& issuers, schema::Fetcher& fetcher, const schema::Clock& clock,
           schema::Journal& journal, KeySettings settings = {});
  // Waits for fetches under way: up to `timeout`.
  ~KeyStore();
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;

  // The keys of `iss`, which `issuer` matches; with one named `kid` unless the issuer has none.
  // Blocks up to `timeout`, see above. Thread-safe.
  //
  // kIssuerUnavailable  no keys, or no such `kid`, and the endpoint does not answer; or too many
  // wait
  // kIssuerUnknown      replaced meanwhile by issuers without this one
  schema::Result<std::shared_ptr<const KeySet>> Keys(const std::shared_ptr<const Issuer>& issuer,
                                                     const std::string& iss, std::string_view kid);

  // Other issuers from now on. What is configured still keeps its keys, unless its documents are to
  // be fetched another way; what is not is forgotten.
  void Replace(const IssuerSet& issuers);

  // A signature did not verify: the issuer may have put a new key under an old name. Fetches in the
  // background, at most once per `floor`.
  void Suspect(const std::string& iss);

  std::vector<IssuerHealth> Health() const;

 private:
  struct Entry;
  using EntryRef = std::shared_ptr<Entry>;
  using Lock = std::unique_lock<std::mutex>;

  static bool FetchedAlike(const Issuer& a, const Issuer& b);
  schema::Result<EntryRef> FindOrAdd(const std::shared_ptr<const Issuer>& issuer,
                                     const std::string& iss, schema::TimeMs now);
  bool MakeRoom(schema::TimeMs now);
  bool Usable(const Entry& entry, schema::TimeMs now) const;
  bool MayWait(const Entry& entry, schema::TimeMs now) const;
  schema::Outcome FetchOrWait(Lock& lock, const EntryRef& entry);
  void Fetch(Lock& lock, const EntryRef& entry);
  void Publish(Entry& entry, schema::Result<FetchedKeys> fetched, schema::TimeMs now);
  EntryRef NextDue() const;
  void FollowClock(schema::TimeMs now);
  void DropIdle(schema::TimeMs now);
  void Work();

  schema::Fetcher& fetcher_;
  const schema::Clock& clock_;
  schema::Journal& journal_;
  const KeySettings settings_;

  mutable std::mutex mutex_;  // guards all below and every Entry; never held during a fetch
  std::condition_variable work_;
  std::map<std::string, EntryRef, std::less<>> entries_;  // by issuer URL
  std::size_t waiting_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace oidc
