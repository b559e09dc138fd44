#include "ca/rule.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "ca/text.h"
#include "schema/base/limits.h"
#include "schema/vocabulary.h"

namespace ca {

using schema::Node;
using schema::Outcome;
using schema::Result;
namespace limits = schema::limits;

namespace {

constexpr std::size_t kIdBytes = 64;
constexpr std::size_t kUrlBytes = 2048;

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kIdBytes && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

Result<std::string> ReadId(const Node& rule) {
  TRY(const Node* node, rule.Need("id"));
  TRY(std::string id, node->String());
  if (!IsId(id)) return node->Wrong("wanted 1 to 64 letters, digits, '-', '_' or '.'");
  if (id == kDefaultDeny) return node->Wrong("this id is reserved");
  return id;
}

// Free text; absent: empty.
Result<std::string> ReadText(const Node& rule, std::string_view key) {
  const Node* node = rule.Find(key);
  if (node == nullptr) return std::string();
  TRY(std::string text, node->String());
  if (text.size() > limits::kPolicyTextBytes) {
    return node->Wrong("is longer than " + std::to_string(limits::kPolicyTextBytes) + " octets");
  }
  return text;
}

bool ReadNumber(std::string_view text, int* out) {
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return false;
  return std::from_chars(text.data(), text.data() + text.size(), *out).ec == std::errc();
}

Result<schema::Time> ReadDate(const Node& node) {
  const std::string& text = node.text();
  int year = 0;
  int month = 0;
  int day = 0;
  if (node.kind() != Node::Kind::kString || text.size() != 10 || text[4] != '-' || text[7] != '-' ||
      !ReadNumber(std::string_view(text).substr(0, 4), &year) ||
      !ReadNumber(std::string_view(text).substr(5, 2), &month) ||
      !ReadNumber(std::string_view(text).substr(8, 2), &day)) {
    return node.Wrong("wanted a date such as 2027-06-30");
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return node.Wrong("there is no day " + text);
  return schema::Time(std::chrono::sys_days(date));
}

Result<Mode> ReadMode(const Node& node) {
  TRY(const std::string text, node.String());
  if (text == "enforce") return Mode::kEnforce;
  if (text == "audit") return Mode::kAudit;
  return node.Wrong("wanted enforce or audit, found '" + text + "'");
}

Result<std::vector<std::string>> ReadIssuers(const Node& node,
                                             const std::vector<PolicyIssuer>& issuers) {
  TRY(const std::vector<std::string> names, node.Strings());
  if (names.empty()) return node.Wrong("wanted the name of at least one issuer");
  std::vector<std::string> urls;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(issuers, name, &PolicyIssuer::name);
    if (found == issuers.end()) {
      return node.Wrong("'" + name + "' is not a name under `issuers`");
    }
    if (std::ranges::find(urls, found->url) != urls.end()) {
      return node.Wrong("'" + name + "' is there twice");
    }
    urls.push_back(found->url);
  }
  return urls;
}

Outcome ReadWhen(const Node& rule, Rule* out) {
  TRY(const Node* node, rule.Need("when"));
  if (node->kind() == Node::Kind::kString && node->text() == "all") {
    out->all = true;
    return schema::Ok();
  }
  // An empty map would match every token: that has to be written as `when: all`.
  if (node->kind() != Node::Kind::kMap || node->members().empty()) {
    return node->Wrong("wanted `all`, or a map of at least one claim to what it must be");
  }
  TRY(out->when, ParseConditions(*node));
  return schema::Ok();
}

Outcome CheckKeys(const Node& node, Effect effect) {
  if (node.kind() != Node::Kind::kMap) return node.Wrong("wanted a rule with `id` and `when`");
  if (effect == Effect::kDeny) {
    if (const Node* grant = node.Find("grant")) return grant->Wrong("only allow rules grant");
  }
  return node.OnlyKeys(
      {"id", "description", "owner", "ticket", "expires", "mode", "issuer", "when", "grant"});
}

}  // namespace

std::string_view EffectName(Effect effect) { return effect == Effect::kDeny ? "deny" : "allow"; }

std::string_view ModeName(Mode mode) { return mode == Mode::kEnforce ? "enforce" : "audit"; }

Result<PolicyIssuer> ParsePolicyIssuer(const std::string& name, const Node& node) {
  if (!IsId(name)) {
    return node.Wrong("wanted a short name: 1 to 64 letters, digits, '-', '_' or '.'");
  }
  if (node.kind() != Node::Kind::kMap) return node.Wrong("wanted a map with `url`");
  TRY(node.OnlyKeys({"url", "kind"}));
  PolicyIssuer out;
  out.name = name;
  out.line = node.line();
  TRY(const Node* url, node.Need("url"));
  TRY(out.url, url->String());
  if (!IsVisibleAscii(out.url) || out.url.size() > kUrlBytes) {
    return url->Wrong("wanted the issuer exactly as in the token's \"iss\"");
  }
  if (out.url.find('*') != std::string::npos) {
    return url->Wrong(
        "a wildcard matches no token here; name each issuer, as in the token's \"iss\"");
  }
  const Node* kind = node.Find("kind");
  if (kind == nullptr) return out;
  TRY(out.kind, kind->String());
  if (schema::FindVocabulary(out.kind) == nullptr) {
    return kind->Wrong("'" + out.kind + "' is not one of " + schema::VocabularyKinds());
  }
  return out;
}

Result<Rule> ParseRule(const Node& node, Effect effect, const std::vector<PolicyIssuer>& issuers) {
  TRY(CheckKeys(node, effect));
  Rule out;
  out.effect = effect;
  out.line = node.line();
  TRY(out.id, ReadId(node));
  TRY(out.description, ReadText(node, "description"));
  TRY(out.owner, ReadText(node, "owner"));
  TRY(out.ticket, ReadText(node, "ticket"));
  if (const Node* date = node.Find("expires")) {
    TRY(out.expires, ReadDate(*date));
  }
  if (const Node* mode = node.Find("mode")) {
    TRY(out.mode, ReadMode(*mode));
  }
  const Node* issuer = node.Find("issuer");
  if (issuer == nullptr && effect == Effect::kAllow) {
    TRY(issuer, node.Need("issuer"));
  }
  if (issuer != nullptr) {
    TRY(out.issuers, ReadIssuers(*issuer, issuers));
  }
  TRY(ReadWhen(node, &out));
  if (const Node* grant = node.Find("grant")) {
    TRY(out.grant, ParseGrantTerms(*grant));
  }
  return out;
}

}  // namespace ca
