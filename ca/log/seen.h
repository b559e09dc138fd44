// Which traits of certificates have been seen before: a memory in front of the store's table.
#pragma once

#include <cstddef>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ca/log/event.h"
#include "ca/log/terms.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

// A trait that the memory does not know, ready for the sequencer to ask the store.
struct PreparedTrait {
  TraitKind kind;
  schema::Hash id, scope;  // digests: issuer, kind and value; issuer and kind
  EventText event;         // `first-seen`, for when the store does not know it either
};

// Thread-safe. Holds at most kCapacity digests; a full one starts anew, and what it forgot costs
// one look at the store each.
class SeenMemory {
 public:
  static constexpr std::size_t kCapacity = 65536;

  // Those of `traits` that are not known; empty for nearly every grant.
  schema::Result<std::vector<PreparedTrait>> Prepare(const std::vector<Trait>& traits,
                                                     std::string_view issuer,
                                                     std::string_view request_id) const;
  void Remember(const schema::Hash& id);
  std::size_t size() const;

 private:
  struct FirstOctets {
    std::size_t operator()(const schema::Hash& hash) const;
  };
  mutable std::shared_mutex mutex_;
  std::unordered_set<schema::Hash, FirstOctets> known_;
};

}  // namespace ca
