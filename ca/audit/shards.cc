#include "ca/audit/shards.h"

#include <algorithm>
#include <utility>

namespace ca::audit {

namespace {

constexpr const char* kCertificates = "certificates";

std::size_t Find(const std::vector<Shard>& shards, const std::string& name) {
  return static_cast<std::size_t>(std::ranges::find(shards, name, &Shard::name) - shards.begin());
}

}  // namespace

std::string ShardName(const std::string& log, const std::string& shard, std::size_t count) {
  return count == 1 ? log : log + '/' + shard;
}

std::uint64_t Shards::size() const {
  std::uint64_t size = 0;
  for (const Shard& shard : certificates_) size += shard.checked ? shard.size : 0;
  return size;
}

std::string Shards::NameOf(std::uint64_t leaf) const {
  for (const Shard& shard : certificates_) {
    if (!shard.checked) continue;
    if (leaf < shard.size || &shard == &certificates_.back()) {
      return ShardName(kCertificates, shard.name, certificates_.size()) + ' ' +
             std::to_string(leaf);
    }
    leaf -= shard.size;
  }
  return kCertificates + (' ' + std::to_string(leaf));
}

void Shards::CheckClosed(const std::string& where, const EventFacts& event, const Shard& closed) {
  if (event.before_size == closed.size && event.before_root_sha256 == schema::Hex(closed.root)) {
    return;
  }
  findings_.Add(
      "shard-differs", where,
      "shard " + closed.name + " was closed with " + std::to_string(event.before_size.value_or(0)) +
          " entries, its checkpoint has " + std::to_string(closed.size) + ", or another root");
}

void Shards::Opened(const std::string& where, const EventFacts& event) {
  const bool of_certificates = event.log == kCertificates;
  const std::vector<Shard>& shards = of_certificates ? certificates_ : events_;
  const std::size_t before = Find(shards, event.before_shard);
  if (before < shards.size()) CheckClosed(where, event, shards[before]);
  if (!of_certificates) return;
  if (before == shards.size() && placed_) {
    findings_.Add("shard-missing", where,
                  "entries were made in shard " + event.before_shard + ", which is not read");
  }
  current_ = Find(certificates_, event.shard);
}

void Shards::Place(const std::string& where, EventFacts& event) {
  if (event.type == "log-shard-opened") Opened(where, event);
  if (!event.leaf_index) return;
  placed_ = true;
  const std::size_t at = event.shard.empty() ? current_ : Find(certificates_, event.shard);
  const std::uint64_t leaf = *std::exchange(event.leaf_index, std::nullopt);
  event.elsewhere = true;
  if (at == certificates_.size()) {
    findings_.Add("shard-missing", where,
                  event.shard.empty() ? "its entry is in a shard that is not read"
                                      : "shard " + event.shard + " is not read");
    return;
  }
  const Shard& shard = certificates_[at];
  if (!shard.checked) return;
  if (leaf >= shard.size && at + 1 < certificates_.size()) {
    findings_.Add("shard-differs", where,
                  "entry " + std::to_string(leaf) + " of shard " + shard.name + ", which has " +
                      std::to_string(shard.size));
    return;
  }
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < at; ++i)
    first += certificates_[i].checked ? certificates_[i].size : 0;
  event.leaf_index = leaf < shard.size ? first + leaf : size();
  event.elsewhere = false;
}

}  // namespace ca::audit
