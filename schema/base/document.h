// A configuration document (YAML 1.2 or JSON) as a tree that remembers where each value stands.
//
// One reader serves chancery.yaml, issuers.yaml and policy.yaml: anchors, aliases and `<<` merges
// are resolved, duplicate keys are refused, plain scalars are typed by the YAML core schema, quoted
// ones are strings. Only schema/base/document.cc includes yaml-cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace schema {

extern const ErrorKind kBadDocument;  // the text is not YAML, too large, too deep, or a key repeats
extern const ErrorKind
    kBadSetting;  // a value is missing, unknown, of the wrong type or out of range

class Node {
 public:
  enum class Kind { kNull, kBool, kNumber, kString, kList, kMap };
  using Member = std::pair<std::string, Node>;

  Kind kind() const { return kind_; }
  bool IsNull() const { return kind_ == Kind::kNull; }
  const std::string& path() const { return path_; }  // "ca.key", "allow[2].when.ref"
  int line() const { return line_; }                 // 1-based; 0 for an absent value
  const std::string& text() const { return text_; }  // scalar as written

  const std::vector<Node>& items() const { return items_; }        // kList
  const std::vector<Member>& members() const { return members_; }  // kMap, in file order

  // The member, or nullptr. Only for kMap.
  const Node* Find(std::string_view key) const;

  // Typed reading. kBadSetting names the path, the line, what was wanted and what was found.
  Result<std::string> String() const;  // kString; a kNumber or kBool gives its text as written
  Result<bool> Bool() const;
  Result<std::int64_t> Integer(std::int64_t least, std::int64_t most) const;
  Result<std::chrono::milliseconds> Duration() const;
  Result<std::vector<std::string>> Strings() const;  // a list, or one string

  // The member's node; kBadSetting when it is absent.
  Result<const Node*> Need(std::string_view key) const;
  // kBadSetting for the first member whose key is not listed ("did you mean …" when one is near).
  Outcome OnlyKeys(std::initializer_list<std::string_view> known) const;

  // kBadSetting about this node.
  Error Wrong(std::string_view why) const;

 private:
  friend class DocumentReader;
  Kind kind_ = Kind::kNull;
  std::string path_;
  int line_ = 0;
  std::string text_;
  std::vector<Node> items_;
  std::vector<Member> members_;
};

// At most 1 MiB and 64 levels; alias expansion is bounded too. An empty document is kNull.
Result<Node> ParseDocument(std::string_view text);

}  // namespace schema
