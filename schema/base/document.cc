#include "schema/base/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "schema/base/core_schema.h"
#include "schema/base/utf8.h"

namespace schema {

const ErrorKind kBadDocument{"bad-document", Fault::kUs,
                             "a configuration file cannot be read; see the server's log"};

namespace {

constexpr std::size_t kTextBytes = 1 << 20;
constexpr std::size_t kDepth = 64;
// What the tree may cost in memory, anchored copies, expanded aliases and paths included: 400,000
// values. "Billion laughs" is beyond it.
constexpr std::size_t kTreeBytes = 64 << 20;
constexpr std::size_t kValueBytes = sizeof(Node::Member);
// Aliases used as keys that one document may have; each costs one more parse of it.
constexpr std::size_t kAliasKeys = 64;

constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";

Error Bad(int line, std::string_view why) {
  std::string detail;
  if (line > 0) detail.append("line ").append(std::to_string(line)).append(": ");
  return Error{&kBadDocument, std::move(detail.append(why))};
}

int LineOf(const YAML::Mark& mark) { return mark.line + 1; }

// "a.b", or a["b.c"] where the key has anything a reader could take for a separator.
std::string MemberPath(const std::string& parent, const std::string& key) {
  const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!plain) return parent + "[\"" + key + "\"]";
  return parent.empty() ? key : parent + "." + key;
}

}  // namespace

// Builds the tree from the parser's events. The first error stays and later events are ignored.
class DocumentReader final : public YAML::EventHandler {
 public:
  Result<Node> Finish() && {
    if (error_) return *std::move(error_);
    SetPaths(&root_);
    if (error_) return *std::move(error_);
    return std::move(root_);
  }

 private:
  // A value that is done, with what it takes to bound aliases to it.
  struct Value {
    Node node;
    std::size_t height = 1;  // levels, itself included
    std::size_t bytes = 0;
    bool plain = false;  // a scalar without quotes, which may be the merge key
  };
  struct Open {
    Value value;
    YAML::anchor_t anchor = 0;
    std::optional<std::string> key;  // of the member whose value comes next
    bool key_is_merge = false;
    int key_line = 0;
    std::set<std::string> keys;  // of the members so far
    bool merged = false;         // "<<" occurred
    std::vector<Node> merges;    // the maps of "<<", in order of precedence
  };

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Scalar(mark, anchor, Node::Kind::kNull, "", false);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (tag == "?") {
      Scalar(mark, anchor, CoreKind(text), text, true);
    } else if (tag == "!" || tag == kStringTag) {
      Scalar(mark, anchor, Node::Kind::kString, text, false);
    } else {
      Fail(LineOf(mark), "a tag other than !!str");
    }
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (error_) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) return Fail(LineOf(mark), "an alias inside what it stands for");
    if (open_.size() + found->second.height > kDepth) return Fail(LineOf(mark), "nested too deep");
    if (!Charge(LineOf(mark), found->second.bytes)) return;
    Value copy = found->second;
    copy.plain = false;
    Add(std::move(copy), LineOf(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Begin(mark, tag, anchor, Node::Kind::kList);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Begin(mark, tag, anchor, Node::Kind::kMap);
  }
  void OnMapEnd() override {
    if (!error_) Merge(&open_.back());
    End();
  }

  void Fail(int line, std::string_view why) {
    if (!error_) error_ = Bad(line, why);
  }

  bool Charge(int line, std::size_t bytes) {
    if (bytes > bytes_left_) {
      Fail(line, "too many values once its aliases are expanded");
      return false;
    }
    bytes_left_ -= bytes;
    return true;
  }

  void Scalar(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Kind kind,
              const std::string& text, bool plain) {
    if (error_) return;
    // yaml-cpp turns the escapes \N and \_ into one octet of Latin-1.
    if (!IsUtf8(text)) return Fail(LineOf(mark), "an escape that does not give UTF-8");
    Value value;
    value.node.kind_ = kind;
    value.node.line_ = LineOf(mark);
    value.node.text_ = text;
    value.bytes = kValueBytes + text.size();
    value.plain = plain;
    Done(std::move(value), anchor, LineOf(mark));
  }

  void Begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
             Node::Kind kind) {
    if (error_) return;
    if (tag != "?" && !tag.empty()) return Fail(LineOf(mark), "a tag on a list or map");
    if (open_.size() == kDepth) return Fail(LineOf(mark), "nested too deep");
    Open& open = open_.emplace_back();
    open.value.node.kind_ = kind;
    open.value.node.line_ = LineOf(mark);
    open.value.bytes = kValueBytes;
    open.anchor = anchor;
  }

  void End() {
    if (error_) return;
    Open open = std::move(open_.back());
    open_.pop_back();
    const int line = open.value.node.line_;
    Done(std::move(open.value), open.anchor, line);
  }

  // A value is complete where it was written; `bytes` of a collection was charged with its parts.
  void Done(Value value, YAML::anchor_t anchor, int line) {
    const bool collection = !value.node.items_.empty() || !value.node.members_.empty();
    if (!Charge(line, collection ? kValueBytes : value.bytes)) return;
    if (anchor != YAML::NullAnchor) {
      if (!Charge(line, value.bytes)) return;
      anchors_.insert_or_assign(anchor, value);
    }
    Add(std::move(value), line);
  }

  void Add(Value value, int line) {
    if (open_.empty()) {
      root_ = std::move(value.node);
      return;
    }
    Open& parent = open_.back();
    if (parent.value.node.kind_ == Node::Kind::kMap && !parent.key) {
      return BeginMember(&parent, std::move(value), line);
    }
    parent.value.height = std::max(parent.value.height, value.height + 1);
    parent.value.bytes += value.bytes;
    if (parent.value.node.kind_ == Node::Kind::kList) {
      parent.value.node.items_.push_back(std::move(value.node));
      return;
    }
    // The parser places an absent value at whatever comes next.
    if (value.node.kind_ == Node::Kind::kNull) value.node.line_ = parent.key_line;
    if (parent.key_is_merge) {
      AddMerge(&parent, std::move(value), line);
    } else {
      parent.value.bytes += parent.key->size();
      parent.value.node.members_.emplace_back(*std::move(parent.key), std::move(value.node));
    }
    parent.key.reset();
  }

  void BeginMember(Open* map, Value key, int line) {
    if (key.node.kind_ == Node::Kind::kList || key.node.kind_ == Node::Kind::kMap) {
      return Fail(line, "a list or map as a key");
    }
    if (key.node.kind_ == Node::Kind::kNull && key.node.text_.empty()) {
      return Fail(line, "a key is missing");
    }
    map->key_is_merge = key.plain && key.node.text_ == "<<";
    if (map->key_is_merge ? map->merged : !map->keys.insert(key.node.text_).second) {
      return Fail(line, "'" + key.node.text_ + "' repeats in its map");
    }
    map->merged = map->merged || map->key_is_merge;
    map->key_line = line;
    map->key = std::move(key.node.text_);
  }

  void AddMerge(Open* map, Value value, int line) {
    if (value.node.kind_ == Node::Kind::kMap) {
      map->merges.push_back(std::move(value.node));
      return;
    }
    if (value.node.kind_ != Node::Kind::kList) {
      return Fail(line, "'<<' stands for no map");
    }
    for (Node& item : value.node.items_) {
      if (item.kind_ != Node::Kind::kMap) return Fail(line, "'<<' stands for no map");
      map->merges.push_back(std::move(item));
    }
  }

  // Written members win over merged ones, and of those the first
  // (https://yaml.org/type/merge.html).
  static void Merge(Open* map) {
    for (Node& merged : map->merges) {
      for (Node::Member& member : merged.members_) {
        if (!map->keys.insert(member.first).second) continue;
        map->value.node.members_.push_back(std::move(member));
      }
    }
  }

  // Only now is it known where an aliased or merged value ended up.
  void SetPaths(Node* node) {
    if (!Charge(node->line_, node->path_.size())) return;
    for (std::size_t i = 0; i < node->items_.size(); ++i) {
      node->items_[i].path_ = node->path_ + "[" + std::to_string(i) + "]";
      SetPaths(&node->items_[i]);
    }
    for (Node::Member& member : node->members_) {
      member.second.path_ = MemberPath(node->path_, member.first);
      SetPaths(&member.second);
    }
  }

  Node root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Value> anchors_;
  std::size_t bytes_left_ = kTreeBytes;
  std::optional<Error> error_;
};

namespace {

// Go's YAML library, and so Fulcio's stock file, writes an alias as a key as "*name:". YAML 1.2
// lets the colon belong to the name (6.9.2), and yaml-cpp reads it so. Where the parser stumbled
// over such a token, this puts the space before its colon that YAML asks for.
bool SeparateAliasKey(std::string* text, int position) {
  if (position < 0 || static_cast<std::size_t>(position) >= text->size()) return false;
  const auto start = static_cast<std::size_t>(position);
  if ((*text)[start] != '*') return false;
  const std::size_t end = std::min(text->find_first_of(" \t\r\n,[]{}", start), text->size());
  if (end - start < 3 || (*text)[end - 1] != ':') return false;
  text->insert(end - 1, 1, ' ');
  return true;
}

// One attempt. On a syntax error, `*syntax_error` is where it is.
Result<Node> ParseOnce(const std::string& text, int* syntax_error) {
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    DocumentReader reader;
    parser.HandleNextDocument(reader);
    DocumentReader surplus;
    if (parser.HandleNextDocument(surplus)) return Bad(0, "more than one document");
    return std::move(reader).Finish();
  } catch (const YAML::Exception& e) {
    *syntax_error = e.mark.pos;
    return Bad(LineOf(e.mark), e.msg);
  }
}

Outcome CheckText(std::string_view text) {
  if (text.size() > kTextBytes) {
    return Bad(0, "larger than " + std::to_string(kTextBytes) + " bytes");
  }
  if (!IsUtf8(text)) return Bad(0, "not UTF-8");
  // YAML 1.2.2 5.1; yaml-cpp would also take U+0004 for the end of the file.
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r' && c != '\n') ||
           c == 0x7f;
  });
  if (control != text.end()) {
    return Bad(1 + static_cast<int>(std::count(text.begin(), control, '\n')),
               "a control character");
  }
  return Ok();
}

}  // namespace

Result<Node> ParseDocument(std::string_view text) {
  TRY(CheckText(text));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::string attempt(text);
  for (std::size_t repairs = 0;; ++repairs) {
    int syntax_error = -1;
    auto node = ParseOnce(attempt, &syntax_error);
    if (node || repairs == kAliasKeys || !SeparateAliasKey(&attempt, syntax_error)) return node;
  }
}

}  // namespace schema
