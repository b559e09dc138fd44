// Reading one entry of a transcript, member by member.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/json.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace ca::ceremony {

schema::Error Broken(std::string why);  // kBadTranscript (record.h)

schema::Result<std::string> TextOf(const schema::Json& entry, std::string_view member);
schema::Result<bool> BoolOf(const schema::Json& entry, std::string_view member);
// Standard base64, canonical.
schema::Result<schema::Bytes> OctetsOf(const schema::Json& entry, std::string_view member);
schema::Result<schema::Time> TimeOf(const schema::Json& entry);

// Exactly these beside entry, previous, time and type: nothing is said that nobody checks.
schema::Outcome OnlyMembers(const schema::Json& entry, std::initializer_list<const char*> members);
// `sha256` and, where it is there, `words` are those of `octets`.
schema::Outcome CheckDigest(const schema::Json& entry, schema::BytesView octets);

}  // namespace ca::ceremony
