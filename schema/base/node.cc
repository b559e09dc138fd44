// How a value of a configuration document is read. How it comes about is in document.cc.
#include <algorithm>
#include <cstdint>
#include <optional>

#include "schema/base/core_schema.h"
#include "schema/base/document.h"
#include "schema/base/nearest.h"

namespace schema {

const ErrorKind kBadSetting{"bad-setting", Fault::kUs,
                            "a configuration value cannot be used; see the server's log"};

namespace {

std::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kBool:
      return "true or false";
    case Node::Kind::kNumber:
      return "a number";
    case Node::Kind::kString:
      return "a string";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  MUST(false);
}

Error Wanted(const Node& node, std::string_view what) {
  std::string why("wanted ");
  why.append(what).append(", found ").append(KindName(node.kind()));
  return node.Wrong(why);
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  for (const Member& member : members_) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Error Node::Wrong(std::string_view why) const {
  std::string detail;
  if (line_ > 0) detail.append("line ").append(std::to_string(line_)).append(": ");
  detail.append(path_.empty() ? "the document" : path_).append(": ").append(why);
  return Error{&kBadSetting, std::move(detail)};
}

Result<std::string> Node::String() const {
  if (kind_ == Kind::kString || kind_ == Kind::kNumber || kind_ == Kind::kBool) return text_;
  return Wanted(*this, "a string");
}

Result<bool> Node::Bool() const {
  if (kind_ != Kind::kBool) return Wanted(*this, "true or false");
  return text_[0] == 't' || text_[0] == 'T';
}

Result<std::int64_t> Node::Integer(std::int64_t least, std::int64_t most) const {
  if (kind_ != Kind::kNumber) return Wanted(*this, "a whole number");
  const std::optional<std::int64_t> value = CoreInteger(text_);
  if (!value) return Wrong("wanted a whole number, found '" + text_ + "'");
  if (*value < least || *value > most) {
    return Wrong("must be from " + std::to_string(least) + " to " + std::to_string(most) +
                 ", found " + text_);
  }
  return *value;
}

Result<std::chrono::milliseconds> Node::Duration() const {
  if (kind_ != Kind::kString && kind_ != Kind::kNumber) return Wanted(*this, "a duration");
  auto duration = ParseDuration(text_);
  if (!duration) return Wrong("wanted a duration such as 250ms, 30s, 10m, found '" + text_ + "'");
  return *duration;
}

Result<std::vector<std::string>> Node::Strings() const {
  std::vector<std::string> out;
  if (kind_ == Kind::kList) {
    for (const Node& item : items_) {
      TRY(std::string text, item.String());
      out.push_back(std::move(text));
    }
    return out;
  }
  if (kind_ == Kind::kNull || kind_ == Kind::kMap) return Wanted(*this, "a list of strings");
  TRY(std::string text, String());
  out.push_back(std::move(text));
  return out;
}

Result<const Node*> Node::Need(std::string_view key) const {
  if (kind_ != Kind::kMap) return Wanted(*this, "a map");
  if (const Node* found = Find(key)) return found;
  return Wrong("'" + std::string(key) + "' is missing");
}

Outcome Node::OnlyKeys(std::initializer_list<std::string_view> known) const {
  if (kind_ != Kind::kMap) return Wanted(*this, "a map");
  for (const auto& [key, node] : members_) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string why = "unknown key";
    if (const std::string_view near = Nearest(key, {known.begin(), known.size()}); !near.empty()) {
      why.append("; did you mean '").append(near).append("'?");
    }
    return node.Wrong(why);
  }
  return Ok();
}

}  // namespace schema
