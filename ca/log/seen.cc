#include "ca/log/seen.h"

#include <cstring>

#include "schema/base/json.h"

namespace ca {

using schema::Hash;
using schema::Result;

namespace {

constexpr std::size_t kTextBytes = 1024;  // of a trait in an event

// Each part with its length: no two lists of parts give the same octets.
Hash DigestOf(std::initializer_list<std::string_view> parts) {
  std::string input;
  for (const std::string_view part : parts) {
    input.append(std::to_string(part.size())).append(1, ':').append(part);
  }
  return schema::Sha256(schema::AsBytes(input));
}

std::string Cut(const std::string& text) { return text.substr(0, kTextBytes); }

}  // namespace

std::size_t SeenMemory::FirstOctets::operator()(const Hash& hash) const {
  std::size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

Result<std::vector<PreparedTrait>> SeenMemory::Prepare(const std::vector<Trait>& traits,
                                                       std::string_view issuer,
                                                       std::string_view request_id) const {
  std::vector<PreparedTrait> unknown;
  for (const Trait& trait : traits) {
    const std::string_view kind = kTraitNames[static_cast<std::size_t>(trait.kind)];
    const Hash id = DigestOf({issuer, kind, trait.value});
    {
      const std::shared_lock lock(mutex_);
      if (known_.contains(id)) continue;
    }
    schema::Json event = {{"type", "first-seen"},
                          {"kind", kind},
                          {"value", Cut(trait.value)},
                          {"issuer", issuer},
                          {"request_id", request_id}};
    if (!trait.name.empty()) event["name"] = Cut(trait.name);
    TRY(EventText text, EventText::Make(event));
    unknown.push_back({trait.kind, id, DigestOf({issuer, kind}), std::move(text)});
  }
  return unknown;
}

void SeenMemory::Remember(const Hash& id) {
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kCapacity) known_.clear();
  known_.insert(id);
}

std::size_t SeenMemory::size() const {
  const std::shared_lock lock(mutex_);
  return known_.size();
}

}  // namespace ca
