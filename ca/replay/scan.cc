#include "ca/replay/scan.h"

#include <algorithm>
#include <cstring>

#include "schema/base/json.h"

namespace ca {
namespace {

constexpr int kDepth = 64;
constexpr std::string_view kMore = "\"…\"";  // events.cc

bool Take(std::string_view* rest, char c) {
  if (rest->empty() || rest->front() != c) return false;
  rest->remove_prefix(1);
  return true;
}

// A string with its quotes; empty when it does not end.
std::string_view TakeString(std::string_view* rest) {
  if (rest->empty() || rest->front() != '"') return {};
  std::size_t at = 1;
  while (true) {
    const void* quote = std::memchr(rest->data() + at, '"', rest->size() - at);
    if (quote == nullptr) return {};
    const auto end = static_cast<std::size_t>(static_cast<const char*>(quote) - rest->data());
    // The quote is escaped when an odd number of backslashes stands before it.
    std::size_t slashes = 0;
    while (end - slashes > 1 && (*rest)[end - slashes - 1] == '\\') ++slashes;
    at = end + 1;
    if (slashes % 2 == 0) break;
  }
  const std::string_view text = rest->substr(0, at);
  rest->remove_prefix(at);
  return text;
}

// An array or object to its last bracket.
std::string_view TakeNested(std::string_view* rest) {
  const std::string_view whole = *rest;
  int depth = 0;
  do {
    if (rest->empty()) return {};
    const char c = rest->front();
    if (c == '"') {
      if (TakeString(rest).empty()) return {};
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kDepth) return {};
    rest->remove_prefix(1);
  } while (depth > 0);
  return whole.substr(0, whole.size() - rest->size());
}

std::string_view TakeValue(std::string_view* rest) {
  if (rest->empty()) return {};
  if (rest->front() == '"') return TakeString(rest);
  if (rest->front() == '{' || rest->front() == '[') return TakeNested(rest);
  const std::size_t end = std::min(rest->find_first_of(",}] \t\r\n"), rest->size());
  const std::string_view text = rest->substr(0, end);
  rest->remove_prefix(end);
  return text;
}

// Members of an object: `each` gets name and the rest at the value, and takes the value.
template <class Each>
bool TakeObject(std::string_view* rest, const Each& each) {
  if (!Take(rest, '{')) return false;
  if (Take(rest, '}')) return true;
  do {
    const std::string_view name = TakeString(rest);
    if (name.empty() || !Take(rest, ':') || !each(name)) return false;
  } while (Take(rest, ','));
  return Take(rest, '}');
}

}  // namespace

EventScanner::EventScanner(const std::vector<std::string>& claims) {
  for (std::size_t i = 0; i < claims.size(); ++i) {
    Wanted wanted{"", i};
    schema::AppendJsonText(claims[i], wanted.name);
    wanted_.push_back(std::move(wanted));
  }
  std::ranges::sort(wanted_, {}, &Wanted::name);
}

bool EventScanner::ScanClaims(std::string_view* rest, EventSlices* out) const {
  return TakeObject(rest, [&](std::string_view name) {
    // Another way to write a name could be one of those wanted.
    if (name.find('\\') != std::string_view::npos &&
        std::ranges::none_of(wanted_, [&](const Wanted& one) { return one.name == name; })) {
      return false;
    }
    const std::string_view value = TakeValue(rest);
    if (value.empty()) return false;
    std::string_view* slot = nullptr;
    if (name == kMore) {
      slot = &out->more;
    } else {
      const auto found = std::ranges::lower_bound(
          wanted_, name, {}, [](const Wanted& one) { return std::string_view(one.name); });
      if (found == wanted_.end() || found->name != name) return true;
      slot = &out->claims[found->position];
    }
    if (!slot->empty()) return false;
    *slot = value;
    return true;
  });
}

std::string_view* EventScanner::SlotOf(std::string_view name, EventSlices* out) const {
  if (name == "\"type\"") return &out->type;
  if (name == "\"issuer\"") return &out->issuer;
  if (name == "\"subject\"") return &out->subject;
  if (name == "\"key_algorithm\"") return &out->key_algorithm;
  if (name == "\"rule\"") return &out->rule;
  if (name == "\"time\"") return &out->time;
  if (name == "\"request_id\"") return &out->request_id;
  return nullptr;
}

bool EventScanner::Scan(std::string_view text, EventSlices* out) const {
  *out = EventSlices{{}, {}, {}, {}, {}, {}, {}, std::move(out->claims), {}};
  out->claims.assign(wanted_.size(), {});
  bool claims_seen = false;
  const bool whole = TakeObject(&text, [&](std::string_view name) {
    if (name.find('\\') != std::string_view::npos) return false;
    if (name == "\"claims\"") {
      if (claims_seen || text.empty()) return false;
      claims_seen = true;
      return text.front() == '{' ? ScanClaims(&text, out) : !TakeValue(&text).empty();
    }
    const std::string_view value = TakeValue(&text);
    if (value.empty()) return false;
    std::string_view* slot = SlotOf(name, out);
    if (slot == nullptr) return true;
    if (!slot->empty()) return false;
    *slot = value;
    return true;
  });
  return whole && text.empty();
}

}  // namespace ca
