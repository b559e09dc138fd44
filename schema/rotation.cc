#include "schema/rotation.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "schema/base/document.h"
#include "schema/base/json.h"
#include "schema/setting_text.h"

namespace schema {
namespace {

constexpr std::size_t kCasMax = 64;
constexpr std::size_t kNameBytes = 64;

constexpr std::array<std::pair<CaState, std::string_view>, 4> kStates = {{
    {CaState::kPrepared, "prepared"},
    {CaState::kActive, "active"},
    {CaState::kReplaced, "replaced"},
    {CaState::kRetired, "retired"},
}};

bool IsCaName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytes && name.front() != '.' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string_view::npos;
}

constexpr std::string_view kNameWanted =
    "wanted up to 64 characters a-z, 0-9, '-' and, not first, '.'";

Result<CaState> ReadState(const Node& map) {
  TRY(const Node* node, map.Need("state"));
  TRY(const std::string text, node->String());
  const auto* found =
      std::ranges::find(kStates, text, [](const auto& pair) { return pair.second; });
  if (found == kStates.end()) {
    return node->Wrong("wanted prepared, active, replaced or retired, found '" + text + "'");
  }
  return found->first;
}

Result<std::optional<Time>> ReadTime(const Node& map, std::string_view key) {
  const Node* node = map.Find(key);
  if (node == nullptr) return std::optional<Time>();
  TRY(const std::string text, node->String());
  const auto time = ParseTime(text);
  if (!time) return node->Wrong("wanted a time such as 2026-11-21T10:00:00Z");
  return std::optional<Time>(*time);
}

Result<std::string> ReadText(const Node& map, std::string_view key) {
  TRY(const Node* node, map.Need(key));
  return SettingText(*node);
}

// A state without the time it began would leave trust documents without a window.
Outcome CheckTimes(const Node& node, const RotationCa& ca) {
  const auto need = [&](const std::optional<Time>& time, const char* key) -> Outcome {
    if (time) return Ok();
    return node.Wrong(std::string("has no '") + key + "', the time since when it is");
  };
  switch (ca.state) {
    case CaState::kPrepared:
      return need(ca.prepared, "prepared");
    case CaState::kActive:
      return Ok();  // the first one may be older than the file
    case CaState::kReplaced:
      return need(ca.replaced, "replaced");
    case CaState::kRetired:
      return need(ca.retired, "retired");
  }
  MUST(false);
}

Result<RotationCa> ReadCa(const Node& node) {
  TRY(node.OnlyKeys(
      {"name", "state", "chain", "key", "prepared", "activated", "replaced", "retired", "reason"}));
  RotationCa ca;
  TRY(ca.name, ReadText(node, "name"));
  if (!IsCaName(ca.name)) return node.Find("name")->Wrong(kNameWanted);
  TRY(ca.state, ReadState(node));
  TRY(ca.chain, ReadText(node, "chain"));
  TRY(const Node* key, node.Need("key"));
  TRY(ca.keys, ReadKey(*key, {false, 0, {}}));
  TRY(ca.prepared, ReadTime(node, "prepared"));
  TRY(ca.activated, ReadTime(node, "activated"));
  TRY(ca.replaced, ReadTime(node, "replaced"));
  TRY(ca.retired, ReadTime(node, "retired"));
  if (const Node* reason = node.Find("reason")) {
    TRY(ca.reason, SettingText(*reason));
  }
  TRY(CheckTimes(node, ca));
  return ca;
}

Result<NextShard> ReadNextShard(const Node& node) {
  TRY(node.OnlyKeys({"name", "key", "prepared"}));
  NextShard shard;
  TRY(shard.name, ReadText(node, "name"));
  if (!IsCaName(shard.name)) return node.Find("name")->Wrong(kNameWanted);
  TRY(shard.key, ReadText(node, "key"));
  TRY(node.Need("prepared"));
  TRY(const std::optional<Time> prepared, ReadTime(node, "prepared"));
  shard.prepared = *prepared;
  return shard;
}

// JSON strings are YAML's double-quoted ones.
std::string Quoted(const std::string& text) { return Json(text).dump(); }

// Where one place holds the key, its URI; else the list.
void FormatKeys(const std::vector<KeyToken>& keys, std::string& out) {
  if (keys.size() == 1 && keys.front().name == kOnlyToken && keys.front().sessions == 0) {
    out += "    key: " + Quoted(keys.front().uri) + "\n";
    return;
  }
  out += "    key:\n";
  for (const KeyToken& token : keys) {
    out += "      - name: " + Quoted(token.name) + "\n";
    out += "        uri: " + Quoted(token.uri) + "\n";
    if (token.sessions != 0) out += "        sessions: " + std::to_string(token.sessions) + "\n";
    if (token.weight != 1) out += "        weight: " + std::to_string(token.weight) + "\n";
  }
}

}  // namespace

std::string_view CaStateName(CaState state) {
  return std::ranges::find(kStates, state, [](const auto& pair) { return pair.first; })->second;
}

const RotationCa& Rotation::Active() const {
  const auto found = std::ranges::find(cas, CaState::kActive, &RotationCa::state);
  MUST(found != cas.end());
  return *found;
}

const RotationCa* Rotation::Find(std::string_view name) const {
  const auto found = std::ranges::find(cas, name, &RotationCa::name);
  return found == cas.end() ? nullptr : &*found;
}

RotationCa* Rotation::Find(std::string_view name) {
  const auto found = std::ranges::find(cas, name, &RotationCa::name);
  return found == cas.end() ? nullptr : &*found;
}

Rotation RotationOf(const Config& config) {
  RotationCa first;
  first.name = kFirstCa;
  first.chain = config.ca.chain.lexically_proximate(config.directory).string();
  first.keys = config.ca.keys;
  for (KeyToken& token : first.keys) {
    if (token.sessions == config.ca.sessions) token.sessions = 0;
  }
  return {{std::move(first)}, std::nullopt};
}

Result<Rotation> ParseRotation(std::string_view text) {
  TRY(const Node root, ParseDocument(text));
  TRY(root.OnlyKeys({"version", "cas", "next-shard"}));
  TRY(const Node* version, root.Need("version"));
  TRY(version->Integer(1, 1));
  TRY(const Node* list, root.Need("cas"));
  if (list->kind() != Node::Kind::kList || list->items().empty() ||
      list->items().size() > kCasMax) {
    return list->Wrong("wanted a list of 1 to 64 issuing CAs");
  }
  Rotation rotation;
  std::set<std::string> names;
  int active = 0;
  for (const Node& node : list->items()) {
    TRY(RotationCa ca, ReadCa(node));
    if (!names.insert(ca.name).second) return node.Wrong("is the second '" + ca.name + "'");
    if (ca.state == CaState::kActive && ++active > 1) return node.Wrong("is the second active CA");
    rotation.cas.push_back(std::move(ca));
  }
  if (active == 0) return list->Wrong("none of them is active");
  if (const Node* next = root.Find("next-shard")) {
    TRY(rotation.next_shard, ReadNextShard(*next));
  }
  return rotation;
}

std::string FormatRotation(const Rotation& rotation) {
  std::string out =
      "# yaml-language-server: $schema=rotation.schema.json\n"
      "# Written by `chancery rotate`; see `chancery rotate --help`.\n"
      "version: 1\n"
      "cas:\n";
  for (const RotationCa& ca : rotation.cas) {
    const auto line = [&out](const char* key, const std::string& value) {
      out.append("    ").append(key).append(": ").append(value).append("\n");
    };
    const auto time = [&line](const char* key, const std::optional<Time>& value) {
      if (value) line(key, Quoted(Rfc3339(*value)));
    };
    out += "  - name: " + Quoted(ca.name) + "\n";
    line("state", std::string(CaStateName(ca.state)));
    line("chain", Quoted(ca.chain));
    FormatKeys(ca.keys, out);
    time("prepared", ca.prepared);
    time("activated", ca.activated);
    time("replaced", ca.replaced);
    time("retired", ca.retired);
    if (!ca.reason.empty()) line("reason", Quoted(ca.reason));
  }
  if (const auto& next = rotation.next_shard) {
    out += "next-shard:\n  name: " + Quoted(next->name) + "\n  key: " + Quoted(next->key) +
           "\n  prepared: " + Quoted(Rfc3339(next->prepared)) + "\n";
  }
  return out;
}

Config ConfigOf(const Config& config, const RotationCa& ca) {
  Config own = config;
  own.ca.chain = config.Resolve(ca.chain);
  own.ca.keys = ca.keys;
  for (std::size_t i = 0; i < own.ca.keys.size(); ++i) {
    KeyToken& token = own.ca.keys[i];
    const bool only = token.name == kOnlyToken;
    token.setting = only ? "ca.key" : "ca.key[" + std::to_string(i) + "]";
    if (token.sessions == 0) token.sessions = config.ca.sessions;
  }
  return own;
}

Outcome CheckCaName(std::string_view name) {
  if (IsCaName(name)) return Ok();
  return Error{&kBadSetting, "the name of a CA: " + std::string(kNameWanted)};
}

}  // namespace schema
