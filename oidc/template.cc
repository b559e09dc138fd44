#include "oidc/template.h"

#include <algorithm>
#include <optional>

#include "oidc/verifier.h"
#include "schema/base/limits.h"

namespace oidc {

constinit const schema::ErrorKind kBadTemplate{
    "bad-template", schema::Fault::kUs,
    "A template in the issuers file cannot be used; write it with {{ .key }}, {{ index . \"key\" "
    "}} and "
    "{{ if eq .key \"text\" }}…{{ else }}…{{ end }} only"};

namespace {

using schema::Error;
using schema::Json;
using schema::Ok;
using schema::Outcome;
using schema::Result;

Error ClaimError(std::string_view key, std::string_view why) {
  return Error{&kClaims, std::string("claim \"").append(key).append("\" ").append(why)};
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

// Reads one template from left to right; `if` becomes a jump whose target is filled in later.
class TemplateCompiler {
 public:
  TemplateCompiler(std::string_view name, std::string_view text, const Constants& constants,
                   const Rules& rules)
      : name_(name), text_(text), constants_(constants) {
    out_.rules_ = rules;
  }

  Result<Template> Run() && {
    out_.name_ = std::string(name_);
    if (text_.empty()) return Wrong("it is empty");
    if (text_.find("{{") == std::string_view::npos) {
      Emit({std::string(text_), false});
      return std::move(out_);
    }
    while (at_ < text_.size()) {
      const std::size_t open = std::min(text_.find("{{", at_), text_.size());
      if (open > at_) {
        out_.steps_.push_back({Step::Kind::kText, std::string(text_.substr(at_, open - at_))});
      }
      at_ = open;
      if (at_ < text_.size()) TRY(Action());
    }
    if (!open_.empty()) return Wrong("an {{ if }} has no {{ end }}");
    return std::move(out_);
  }

 private:
  using Step = Template::Step;
  static constexpr std::size_t kDepth = 8;  // nested ifs

  struct Key {
    std::string name;
    bool indexed;  // by `index`, which finds nothing where .key fails
  };

  // An if whose else or end was not met yet.
  struct Open {
    std::optional<std::size_t> condition;  // the step that jumps past the first branch
    std::optional<std::size_t> skip;       // the step that jumps past the second
    bool has_else = false;
  };

  Error Wrong(std::string_view why) const {
    return Error{&kBadTemplate, std::string("template ")
                                    .append(name_)
                                    .append(" = ")
                                    .append(text_.substr(0, 200))
                                    .append(": ")
                                    .append(why)};
  }
  Error WrongAction(std::string_view why) const {
    const std::size_t end = std::min(text_.find("}}", action_), text_.size());
    return Wrong(
        std::string("{{").append(text_.substr(action_, end - action_)).append("}} ").append(why));
  }

  void Spaces() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos) {
      ++at_;
    }
  }
  bool Take(char c) {
    Spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view Word() {
    Spaces();
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsWordCharacter(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // A Go string literal: "…" with \" and \\, or `…`.
  Result<std::string> Literal() {
    Spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '"' && quote != '`') return WrongAction("needs a quoted text");
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == quote) {
        ++at_;
        return out;
      }
      if (c == '\n' && quote == '"') break;
      if (c == '\\' && quote == '"') {
        ++at_;
        if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\\')) {
          return WrongAction("has an escape other than \\\" and \\\\");
        }
      }
      out.push_back(text_[at_]);
    }
    return WrongAction("has a text without its closing quote");
  }

  // .key
  Result<Key> Field() {
    if (!Take('.')) return WrongAction("is not in the language: expected .key");
    if (at_ >= text_.size() || !IsWordCharacter(text_[at_])) {
      return WrongAction("uses the whole of the claims; name one as .key");
    }
    const std::string_view key = Word();
    if (at_ < text_.size() && text_[at_] == '.') {
      return WrongAction("reaches into a claim; only top-level claims can be used");
    }
    if (at_ < text_.size() && text_[at_] == '-') {
      return WrongAction("has a dash in its key; write index . \"key-with-dash\"");
    }
    return Key{std::string(key), false};
  }

  // . "key", after the word index
  Result<Key> Indexed() {
    if (!Take('.')) return WrongAction("must be: index . \"key\"");
    TRY(std::string name, Literal());
    return Key{std::move(name), true};
  }

  // .key, or (index . "key")
  Result<Key> Operand() {
    if (!Take('(')) return Field();
    TRY(Key key, Value());
    if (!Take(')')) return WrongAction("has no closing parenthesis");
    return key;
  }

  // .key, index . "key", either in parentheses
  Result<Key> Value() {
    if (++depth_ > kDepth) return WrongAction("has too many parentheses");
    Spaces();
    const std::size_t begin = at_;
    const std::string_view word = Word();
    if (word == "index") return Indexed();
    if (!word.empty()) {
      return WrongAction(std::string("uses ").append(word).append(", which is not supported"));
    }
    at_ = begin;
    return Operand();
  }

  Outcome Action() {
    at_ += 2;
    action_ = at_;
    depth_ = 0;
    if (text_.substr(at_).starts_with("-")) return WrongAction("has a trim marker");
    if (text_.substr(at_).starts_with("/*")) return WrongAction("is a comment");
    Spaces();
    const std::size_t begin = at_;
    const std::string_view word = Word();
    if (word == "if") {
      TRY(If());
    } else if (word == "else") {
      TRY(Else());
    } else if (word == "end") {
      TRY(End());
    } else {
      at_ = begin;
      if (text_.substr(at_).starts_with("}}")) return WrongAction("is empty");
      TRY(Key key, Value());
      Emit(std::move(key));
    }
    Spaces();
    if (!text_.substr(at_).starts_with("}}")) {
      return WrongAction("is not in the language: more follows than is understood");
    }
    at_ += 2;
    return Ok();
  }

  Outcome If() {
    if (open_.size() >= kDepth) return WrongAction("is nested too deeply");
    if (Word() != "eq") return WrongAction("must be: if eq .key \"text\"");
    TRY(Key key, Operand());
    TRY(std::string literal, Literal());
    Open open;
    const std::string* constant = Fixed(key);
    if (constant == nullptr) {
      open.condition = out_.steps_.size();
      Step step{Step::Kind::kUnlessEqual, key.name, Fallback(key)};
      step.literal = std::move(literal);
      out_.steps_.push_back(std::move(step));
    } else if (*constant != literal) {
      open.condition = out_.steps_.size();
      out_.steps_.push_back({Step::Kind::kJump, ""});
    }
    open_.push_back(open);
    return Ok();
  }

  Outcome Else() {
    if (open_.empty() || open_.back().has_else) return WrongAction("has no {{ if }}");
    Open& open = open_.back();
    open.has_else = true;
    open.skip = out_.steps_.size();
    out_.steps_.push_back({Step::Kind::kJump, ""});
    if (open.condition) out_.steps_[*open.condition].target = out_.steps_.size();
    return Ok();
  }

  Outcome End() {
    if (open_.empty()) return WrongAction("has no {{ if }}");
    const Open& open = open_.back();
    if (open.skip) out_.steps_[*open.skip].target = out_.steps_.size();
    if (open.condition && !open.has_else) {
      out_.steps_[*open.condition].target = out_.steps_.size();
    }
    open_.pop_back();
    return Ok();
  }

  // The constant that no claim can replace; nullptr: the token has a say.
  const std::string* Fixed(const Key& key) const {
    const auto constant = constants_.find(key.name);
    const bool fixed = constant != constants_.end() && !constant->second.empty() &&
                       !out_.rules_.claims_replace_constants;
    return fixed ? &constant->second : nullptr;
  }

  // What stands for the claim when the token has none; nullopt: then there is no result.
  std::optional<std::string> Fallback(const Key& key) const {
    const auto constant = constants_.find(key.name);
    if (constant != constants_.end()) return constant->second;
    if (key.indexed && out_.rules_.absent_is_empty) return std::string();
    return std::nullopt;
  }

  void Emit(Key key) {
    if (const std::string* constant = Fixed(key)) {
      out_.steps_.push_back({Step::Kind::kText, *constant});
    } else {
      std::optional<std::string> fallback = Fallback(key);
      out_.steps_.push_back({Step::Kind::kClaim, std::move(key.name), std::move(fallback)});
    }
  }

  std::string_view name_;
  std::string_view text_;
  const Constants& constants_;
  Template out_;
  std::size_t at_ = 0;
  std::size_t action_ = 0;  // where the current action's inside begins
  std::size_t depth_ = 0;   // parentheses
  std::vector<Open> open_;
};

Result<Template> Template::Compile(std::string_view name, std::string_view text,
                                   const Constants& constants, const Rules& rules) {
  return TemplateCompiler(name, text, constants, rules).Run();
}

Result<std::string> Template::Value(const Step& step, const Json& claims) const {
  const auto claim = claims.find(step.text);
  if (claim == claims.end() || (claim->is_null() && !rules_.null_is_text)) {
    if (step.fallback) return *step.fallback;
    return ClaimError(step.text, "is missing; needed for " + name_ +
                                     " (an empty default-template-values entry makes it optional)");
  }
  TRY(std::string text, ClaimText(step.text, *claim, rules_));
  const bool is_part = step.kind == Step::Kind::kClaim && steps_.size() > 1;
  if (text.empty() && is_part && !step.fallback && !rules_.empty_parts) {
    return ClaimError(step.text, "is empty; needed for " + name_);
  }
  return text;
}

Result<std::string> Template::Render(const Json& claims) const {
  std::string out;
  // Jumps only go forward, so this ends.
  for (std::size_t i = 0; i < steps_.size();) {
    const Step& step = steps_[i++];
    switch (step.kind) {
      case Step::Kind::kText:
        out.append(step.text);
        break;
      case Step::Kind::kJump:
        i = step.target;
        break;
      case Step::Kind::kClaim: {
        TRY(const std::string text, Value(step, claims));
        out.append(text);
        break;
      }
      case Step::Kind::kUnlessEqual: {
        TRY(const std::string text, Value(step, claims));
        if (text != step.literal) i = step.target;
        break;
      }
    }
  }
  if (out.size() > schema::limits::kClaimTextBytes) {
    return Error{&kClaims, name_ + " becomes too long"};
  }
  return out;
}

std::string Template::Beginning() const {
  std::string out;
  for (const Step& step : steps_) {
    if (step.kind != Step::Kind::kText) break;
    out.append(step.text);
  }
  return out;
}

std::vector<std::string> Template::Keys() const {
  std::vector<std::string> keys;
  for (const Step& step : steps_) {
    if (step.kind != Step::Kind::kText && step.kind != Step::Kind::kJump) keys.push_back(step.text);
  }
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

}  // namespace oidc
