#include "ca/log/refusals.h"

namespace ca {
namespace {

constexpr std::size_t kNameBytes = 256;  // of a reason or an issuer, which a stranger may choose
constexpr std::size_t kReasons = 64;     // told apart once all pairs are taken

std::string Cut(std::string_view text) { return std::string(text.substr(0, kNameBytes)); }

}  // namespace

void Refusals::Count(std::string_view reason, std::string_view issuer, schema::TimeMs now) {
  std::pair<std::string, std::string> key(Cut(reason), Cut(issuer));
  std::lock_guard lock(mutex_);
  if (tallies_.empty()) since_ = now;
  if (tallies_.size() >= kKinds && !tallies_.contains(key)) {
    key.second = "(other)";
    if (tallies_.size() >= kKinds + kReasons && !tallies_.contains(key)) key.first = "(other)";
  }
  Tally& tally = tallies_[std::move(key)];
  if (tally.count++ == 0) tally.first = now;
  tally.last = now;
}

std::vector<schema::Json> Refusals::Summaries(schema::TimeMs now, bool all) {
  std::map<std::pair<std::string, std::string>, Tally> taken;
  {
    std::lock_guard lock(mutex_);
    // A clock that was set back must not hold them for ever.
    if (!all && now >= since_ && now - since_ < kWindow) return {};
    taken.swap(tallies_);
  }
  std::vector<schema::Json> events;
  for (const auto& [key, tally] : taken) {
    events.push_back({{"type", "refused"},
                      {"reason", key.first},
                      {"issuer", key.second},
                      {"count", tally.count},
                      {"first", schema::Rfc3339(tally.first)},
                      {"last", schema::Rfc3339(tally.last)}});
  }
  return events;
}

}  // namespace ca
