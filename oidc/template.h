// The part of Go's text/template that Fulcio's identity configuration uses, compiled once at load.
//
//   text                              copied
//   {{ .key }}                        a claim or an operator's constant
//   {{ index . "key.with/odd-chars" }} the same, any key; also in parentheses: {{ (index . "k") }}
//   {{ if eq .key "literal" }}a{{ else }}b{{ end }}
//
// A value without "{{" is one key. Anything else is refused by Compile, which names the construct.
//
// Operator constants and token claims do not share a namespace: a non-empty constant becomes
// literal text at load, so no token can replace it. An empty constant only says that the claim may
// be absent or empty. Without one, a claim that is a part of a longer text may not be empty:
// "…/projects//x" names nobody.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/json.h"
#include "schema/base/result.h"

namespace oidc {

extern const schema::ErrorKind kBadTemplate;

using Constants = std::map<std::string, std::string, std::less<>>;

// The text of a claim: strings as they are, true and false, numbers exactly (see schema/base/json.h
// for why a double beyond 2^53 is refused). An object, a list, null, a NUL octet or more than
// limits::kClaimTextBytes octets is kClaims; `key` is for the message.
schema::Result<std::string> ClaimText(std::string_view key, const schema::Json& claim);

class Template {
 public:
  // `name` is for messages only. kBadTemplate.
  static schema::Result<Template> Compile(std::string_view name, std::string_view text,
                                          const Constants& constants);

  // `claims` is an object. kClaims when a claim is absent (null counts as absent), has no text, or
  // the result exceeds limits::kClaimTextBytes. Does not parse, block or throw.
  schema::Result<std::string> Render(const schema::Json& claims) const;

  const std::string& name() const { return name_; }
  // Keys that Render looks up in the token, each once, sorted.
  std::vector<std::string> Keys() const;

 private:
  friend class TemplateCompiler;
  struct Step {
    enum class Kind : std::uint8_t {
      kText,
      kClaim,
      kOptionalClaim,
      kUnlessEqual,
      kUnlessEqualOptional,
      kJump
    };
    Kind kind;
    std::string text;          // kText: itself; otherwise the key
    std::string literal = {};  // kUnlessEqual*: what the claim is compared with
    std::size_t target = 0;    // kUnlessEqual*, kJump: the next step
  };

  std::string name_;
  std::vector<Step> steps_;
};

}  // namespace oidc
