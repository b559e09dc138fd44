#include "ca/log/batch.h"

#include <algorithm>

#include "schema/log/leaf.h"

namespace ca {

using schema::Error;
using schema::Fault;
using schema::Hash;
using schema::Outcome;
using schema::Result;
using schema::merkle::Frontier;

const schema::ErrorKind kInconsistent{
    "log-inconsistent", Fault::kUs, "the log's store contradicts itself; the operator has to act"};

namespace {

// A token is remembered longer than it lives, for verifiers that allow some skew.
constexpr std::chrono::minutes kSpentMargin{10};
// Entries at the end of each log that are compared with their hashes when it is opened.
constexpr std::uint64_t kRehashed = 256;

Result<Frontier> LoadEdge(Store& store, LogName log, const Tail& tail) {
  const std::string name = log == LogName::kCertificates ? "certificates" : "events";
  const std::int64_t shard = store.written().Of(log);
  const auto read = [&](int level, std::uint64_t first, std::size_t count) {
    return store.ReadHashes(shard, level, first, count);
  };
  TRY(Frontier edge, Frontier::Load(tail.size, read));
  if (edge.Root() != tail.root) {
    return Error{&kInconsistent, name + ": the hashes do not give the root of the tail"};
  }
  const std::uint64_t first = tail.size - std::min(tail.size, kRehashed);
  for (std::uint64_t index = first; index < tail.size; ++index) {
    TRY(const auto data, store.ReadData(log, index));
    TRY(const auto hash, store.ReadHashes(shard, 0, index, 1));
    if (!data || schema::LeafHash(*data) != hash.front()) {
      return Error{&kInconsistent,
                   name + ": entry " + std::to_string(index) + " is not that of its hash"};
    }
  }
  TRY(const auto beyond, store.ReadData(log, tail.size));
  if (beyond) return Error{&kInconsistent, name + ": there is an entry beyond the tail"};
  return edge;
}

}  // namespace

Result<Edges> LoadEdges(Store& store, const Tails& tails) {
  Edges edges;
  TRY(edges.certificates, LoadEdge(store, LogName::kCertificates, tails.certificates));
  TRY(edges.events, LoadEdge(store, LogName::kEvents, tails.events));
  return edges;
}

BatchMaker::BatchMaker(Store& store, const Tails& tails, const Edges& edges, schema::TimeMs now)
    : store_(store),
      shard_(store.written().certificates),
      now_(now),
      certificates_time_(std::max(now, tails.certificates.time)),
      events_time_(std::max(now, tails.events.time)),
      edges_(edges),
      budgets_(store, now) {
  batch_.before = tails;
  batch_.after = tails;
}

Result<std::optional<BatchMaker::Place>> BatchMaker::FindRetry(const Grant& grant) {
  if (!grant.token_id) return std::optional<Place>();
  TRY(const std::vector<SpentRow> stored, store_.FindSpent(*grant.token_id));
  for (const SpentRow& row : stored) {
    if (row.key_hash != grant.key_hash) continue;
    TRY(const StoredEntry entry, store_.ReadEntry(row.entry));
    if (now_ >= entry.not_after) return Error{&kTokenSpent, "its certificate has ended"};
    // Its SCT would have to be of a key that is not here any more.
    if (ShardOf(row.entry) != shard_ && !entry.certificate) {
      return Error{&kTokenSpent, "its entry was not finished before its shard was closed"};
    }
    return std::optional<Place>({row.entry, true});
  }
  std::size_t used = stored.size();
  const auto [first, last] = spent_here_.equal_range(*grant.token_id);
  for (auto here = first; here != last; ++here, ++used) {
    const SpentRow& row = batch_.spent[here->second];
    if (row.key_hash == grant.key_hash) return std::optional<Place>({row.entry, true});
  }
  if (used < grant.per_token) return std::optional<Place>();
  const std::int64_t entry = stored.empty() ? batch_.spent[first->second].entry : stored[0].entry;
  return Error{&kTokenSpent, "with another key, for entry " + std::to_string(IndexOf(entry))};
}

Result<std::vector<std::size_t>> BatchMaker::CheckBudgets(const Grant& grant) {
  TRY(const Budget* spent, budgets_.FindSpent(grant.budgets));
  if (spent != nullptr) return Error{&kBudgetExhausted, spent->text};
  std::vector<std::size_t> reached;
  for (std::size_t i = 0; i < grant.budgets.size(); ++i) {
    TRY(const bool last, budgets_.IsLast(grant.budgets[i]));
    if (last) reached.push_back(i);
  }
  return reached;
}

Result<std::vector<PreparedTrait*>> BatchMaker::FindNovel(std::vector<PreparedTrait>& traits) {
  std::vector<PreparedTrait*> novel;
  for (PreparedTrait& trait : traits) {
    if (seen_here_.contains(trait.id)) continue;
    TRY(const bool seen, store_.IsSeen(trait.id));
    if (seen) continue;
    if (!last_seen_.contains(trait.scope)) {
      TRY(const std::uint64_t last, store_.LastSeen(trait.scope));
      last_seen_.emplace(trait.scope, last);
    }
    novel.push_back(&trait);
  }
  return novel;
}

void BatchMaker::AddNovel(const std::vector<PreparedTrait*>& novel, std::uint64_t index) {
  for (const PreparedTrait* trait : novel) {
    seen_here_.insert(trait->id);
    const std::uint64_t number = ++last_seen_.at(trait->scope);
    batch_.seen.push_back({trait->id, trait->scope, number, index, trait->kind});
    Add(trait->event, index);
  }
}

Result<BatchMaker::Place> BatchMaker::Add(PreparedGrant& prepared) {
  Grant& grant = prepared.grant;
  // All that can fail comes first.
  TRY(const auto retry, FindRetry(grant));
  if (retry) return *retry;
  TRY(const std::vector<std::size_t> reached, CheckBudgets(grant));
  TRY(const auto novel, FindNovel(prepared.traits));
  const std::uint64_t index = edges_.certificates.size();
  if (grant.token_id) {
    spent_here_.emplace(*grant.token_id, batch_.spent.size());
    batch_.spent.push_back({*grant.token_id, grant.key_hash, RowId(shard_, index),
                            std::max(grant.token_expires, prepared.not_after) + kSpentMargin});
  }
  budgets_.Charge(grant.budgets, index, batch_.charges);
  schema::Bytes leaf =
      schema::EncodeLeaf(certificates_time_, index, grant.issuer_key_hash, grant.tbs.tbs()).bytes();
  const Hash leaf_hash = schema::LeafHash(leaf);
  Append(LogName::kCertificates, index, std::move(leaf), leaf_hash);
  const std::uint64_t granted = Add(grant.event, index);
  batch_.issuances.push_back(
      {index, LeafPrefix(leaf_hash), std::move(prepared.serial), std::move(grant.san),
       std::move(grant.issuer), std::move(grant.subject), std::move(grant.request_id),
       prepared.not_before, prepared.not_after, certificates_time_, granted});
  AddNovel(novel, index);
  std::size_t told = 0;
  for (const std::size_t i : reached) {
    if (!prepared.reached[i]) continue;
    Add(*prepared.reached[i], index);
    ++told;
  }
  return Place{RowId(shard_, index), false, told};
}

std::uint64_t BatchMaker::Add(const EventText& event, std::optional<std::uint64_t> leaf_index) {
  const std::uint64_t index = edges_.events.size();
  schema::Bytes text = event.At(events_time_, leaf_index);
  const Hash leaf_hash = schema::LeafHash(text);
  Append(LogName::kEvents, index, std::move(text), leaf_hash);
  return index;
}

void BatchMaker::Append(LogName log, std::uint64_t index, schema::Bytes data, const Hash& leaf) {
  Frontier& edge = log == LogName::kCertificates ? edges_.certificates : edges_.events;
  stored_.clear();
  edge.Append(leaf, stored_);
  for (const Frontier::Stored& stored : stored_) batch_.hashes.push_back({log, stored});
  batch_.entries.push_back({log, index, std::move(data)});
}

bool BatchMaker::empty() const {
  return batch_.entries.empty() && batch_.certificates.empty() && batch_.tree_heads.empty() &&
         batch_.unfinished.empty() && batch_.closed_settled.empty() &&
         batch_.after.settled == batch_.before.settled;
}

Batch& BatchMaker::Close() {
  const auto close = [](Tail& tail, const Frontier& edge, schema::TimeMs time) {
    if (edge.size() != tail.size) tail = {edge.size(), edge.Root(), time};
  };
  close(batch_.after.certificates, edges_.certificates, certificates_time_);
  close(batch_.after.events, edges_.events, events_time_);
  if (!batch_.spent.empty() || !batch_.charges.empty()) batch_.forget = schema::ToSeconds(now_);
  return batch_;
}

}  // namespace ca
