#include "ca/ceremony/entry.h"

#include <algorithm>

#include "ca/ceremony/record.h"
#include "ca/ceremony/words.h"
#include "schema/base/base64.h"

namespace ca::ceremony {

using schema::Bytes;
using schema::Json;
using schema::Outcome;
using schema::Result;

schema::Error Broken(std::string why) { return {&kBadTranscript, std::move(why)}; }

Result<std::string> TextOf(const Json& entry, std::string_view member) {
  const auto at = entry.find(member);
  if (at == entry.end() || !at->is_string()) return Broken(std::string(member) + " is no text");
  return at->get<std::string>();
}

Result<bool> BoolOf(const Json& entry, std::string_view member) {
  const auto at = entry.find(member);
  if (at == entry.end() || !at->is_boolean()) {
    return Broken(std::string(member) + " is neither true nor false");
  }
  return at->get<bool>();
}

Result<Bytes> OctetsOf(const Json& entry, std::string_view member) {
  TRY(const std::string text, TextOf(entry, member));
  auto octets = schema::DecodeBase64Lenient(text);
  if (!octets || schema::Base64(*octets) != text) return Broken(std::string(member) + ": base64");
  return octets;
}

Result<schema::Time> TimeOf(const Json& entry) {
  TRY(const std::string text, TextOf(entry, "time"));
  const auto time = schema::ParseTime(text);
  if (!time || schema::Rfc3339(*time) != text) return Broken("time");
  return *time;
}

Outcome OnlyMembers(const Json& entry, std::initializer_list<const char*> members) {
  constexpr std::string_view kEvery[] = {"entry", "previous", "time", "type"};
  for (const auto& [name, value] : entry.items()) {
    const bool known = std::ranges::find(kEvery, name) != std::end(kEvery) ||
                       std::ranges::find(members, name) != members.end();
    if (!known) return Broken("unknown member " + name);
  }
  return schema::Ok();
}

Outcome CheckDigest(const Json& entry, schema::BytesView octets) {
  const schema::Hash digest = schema::Sha256(octets);
  TRY(const std::string hex, TextOf(entry, "sha256"));
  if (hex != schema::Hex(digest)) return Broken("sha256 is not that of what it stands beside");
  if (!entry.contains("words")) return schema::Ok();
  TRY(const std::string words, TextOf(entry, "words"));
  if (words != Words(digest)) return Broken("words are not those of sha256");
  return schema::Ok();
}

}  // namespace ca::ceremony
