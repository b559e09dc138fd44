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
// "…/projects//x" names nobody. (Rules give this up one by one.)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oidc/claim_text.h"
#include "oidc/rules.h"
#include "schema/base/json.h"
#include "schema/base/result.h"

namespace oidc {

extern const schema::ErrorKind kBadTemplate;

using Constants = std::map<std::string, std::string, std::less<>>;

class Template {
 public:
  // `name` is for messages only. kBadTemplate.
  static schema::Result<Template> Compile(std::string_view name, std::string_view text,
                                          const Constants& constants,
                                          const Rules& rules = kChanceryRules);

  // `claims` is an object. kClaims when a claim is absent (null counts as absent), has no text, or
  // the result exceeds limits::kClaimTextBytes. Does not parse, block or throw.
  schema::Result<std::string> Render(const schema::Json& claims) const;

  const std::string& name() const { return name_; }
  // The text every result begins with; "" when it begins with a claim or depends on one.
  std::string Beginning() const;
  // Keys that Render looks up in the token, each once, sorted.
  std::vector<std::string> Keys() const;

 private:
  friend class TemplateCompiler;
  struct Step {
    enum class Kind : std::uint8_t { kText, kClaim, kUnlessEqual, kJump };
    Kind kind;
    std::string text;                          // kText: itself; otherwise the key
    std::optional<std::string> fallback = {};  // of a claim that may be absent
    std::string literal = {};                  // kUnlessEqual: what the claim is compared with
    std::size_t target = 0;                    // kUnlessEqual, kJump: the next step
  };

  schema::Result<std::string> Value(const Step& step, const schema::Json& claims) const;

  std::string name_;
  std::vector<Step> steps_;
  Rules rules_;
};

}  // namespace oidc
