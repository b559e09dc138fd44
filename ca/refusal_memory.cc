#include "ca/refusal_memory.h"

#include "schema/base/bytes.h"

namespace ca {

namespace {

// The digest bounds the memory whatever the length of the names.
std::string KeyOf(std::string_view issuer, std::string_view subject, std::string_view reason) {
  std::string text;
  text.append(issuer).append(1, '\0').append(subject).append(1, '\0').append(reason);
  const schema::Hash digest = schema::Sha256(schema::AsBytes(text));
  return std::string(schema::AsText(digest));
}

}  // namespace

void RefusalMemory::Forget(std::string_view issuer, std::string_view subject,
                           std::string_view reason) {
  const std::string key = KeyOf(issuer, subject, reason);
  const std::lock_guard lock(mutex_);
  entered_.erase(key);
}

bool RefusalMemory::FirstInWindow(std::string_view issuer, std::string_view subject,
                                  std::string_view reason, schema::TimeMs now) {
  std::string key = KeyOf(issuer, subject, reason);
  const std::lock_guard lock(mutex_);
  if (const auto found = entered_.find(key); found != entered_.end()) {
    // A clock that stepped back would otherwise silence an identity until it caught up.
    if (now >= found->second && now - found->second < kWindow) return false;
    found->second = now;
    return true;
  }
  if (entered_.size() >= kCapacity) {
    std::erase_if(entered_,
                  [&](const auto& e) { return now < e.second || now - e.second >= kWindow; });
    if (entered_.size() >= kCapacity) return false;
  }
  entered_.emplace(std::move(key), now);
  return true;
}

}  // namespace ca
