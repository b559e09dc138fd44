#include "schema/watcher_settings.h"

#include <algorithm>
#include <array>

#include "schema/setting_text.h"

namespace schema {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kWitnessesMax = 16;
constexpr std::size_t kShipMax = 8;

Result<std::string> ReadUrl(const Node& node) {
  TRY(const std::string url, SettingText(node));
  constexpr std::array<std::string_view, 4> kSchemes = {"https://", "http://127.",
                                                        "http://localhost", "http://[::1]"};
  const bool known =
      std::ranges::any_of(kSchemes, [&](std::string_view s) { return url.starts_with(s); });
  if (!known || url.ends_with('/') || url.find_first_of(" ?#@\"<>\\") != std::string::npos) {
    return node.Wrong("wanted https://HOST[:PORT][/PATH] without a last '/'; http to this machine");
  }
  return url;
}

Result<fs::path> ReadCa(const Node& map, const fs::path& directory) {
  const Node* node = map.Find("ca");
  if (node == nullptr) return fs::path();
  TRY(const std::string text, SettingText(*node));
  return (directory / text).lexically_normal();
}

Result<WitnessSettings> ReadWitness(const Node& node, const fs::path& directory) {
  if (node.kind() != Node::Kind::kMap) return node.Wrong("wanted key and url of a witness");
  TRY(node.OnlyKeys({"key", "url", "ca"}));
  TRY(const Node* key_node, node.Need("key"));
  TRY(const std::string text, SettingText(*key_node));
  auto key = ParseVerifierKey(text);
  if (!key) return key_node->Wrong("wanted NAME+ID+KEY of a witness: " + key.error().detail);
  if (key->type != NoteKeyType::kCosignature) {
    return key_node->Wrong("is a log's key; a witness's is of type 4");
  }
  TRY(const Node* url_node, node.Need("url"));
  TRY(std::string url, ReadUrl(*url_node));
  TRY(fs::path ca, ReadCa(node, directory));
  return WitnessSettings{*std::move(key), std::move(url), std::move(ca)};
}

Result<ShipSettings> ReadShip(const Node& node, const fs::path& directory) {
  if (node.kind() != Node::Kind::kMap) return node.Wrong("wanted file, syslog or url");
  TRY(node.OnlyKeys({"file", "syslog", "url", "ca"}));
  const Node* file = node.Find("file");
  const Node* syslog = node.Find("syslog");
  const Node* url = node.Find("url");
  if ((file != nullptr) + (syslog != nullptr) + (url != nullptr) != 1) {
    return node.Wrong("wanted one of file, syslog and url");
  }
  if (url == nullptr && node.Find("ca") != nullptr) return node.Wrong("has a ca without a url");
  if (file != nullptr) {
    TRY(const std::string path, SettingText(*file));
    return ShipSettings{
        ShipSettings::To::kFile, (directory / path).lexically_normal().string(), {}};
  }
  if (syslog != nullptr) {
    TRY(const bool on, syslog->Bool());
    if (!on) return syslog->Wrong("is true, or not there");
    return ShipSettings{ShipSettings::To::kSyslog, "syslog", {}};
  }
  TRY(std::string target, ReadUrl(*url));
  TRY(fs::path ca, ReadCa(node, directory));
  return ShipSettings{ShipSettings::To::kUrl, std::move(target), std::move(ca)};
}

Outcome ReadWitnesses(const Node& list, const fs::path& directory,
                      std::vector<WitnessSettings>& out) {
  if (list.kind() != Node::Kind::kList || list.items().empty() ||
      list.items().size() > kWitnessesMax) {
    return list.Wrong("wanted a list of 1 to 16 witnesses");
  }
  for (const Node& item : list.items()) {
    TRY(WitnessSettings one, ReadWitness(item, directory));
    // Each is one voice: a name or a key that comes twice would be two.
    const bool twice = std::ranges::any_of(out, [&](const WitnessSettings& other) {
      return other.key.name == one.key.name || other.key.key == one.key.key;
    });
    if (twice) return item.Wrong("is a witness that the list has already");
    out.push_back(std::move(one));
  }
  return Ok();
}

}  // namespace

Result<WatcherSettings> ReadWatchers(const Node& log, const fs::path& directory) {
  WatcherSettings out;
  const Node* witnesses = log.Find("witnesses");
  const Node* quorum = log.Find("witness-quorum");
  if (witnesses != nullptr) {
    TRY(ReadWitnesses(*witnesses, directory, out.witnesses));
    TRY(const Node* needed, log.Need("witness-quorum"));
    TRY(const std::int64_t count,
        needed->Integer(1, static_cast<std::int64_t>(out.witnesses.size())));
    out.quorum = static_cast<std::size_t>(count);
  } else if (quorum != nullptr) {
    return quorum->Wrong("is of log.witnesses, which is not there");
  }
  const Node* ship = log.Find("ship");
  if (ship == nullptr) return out;
  if (ship->kind() != Node::Kind::kList || ship->items().size() > kShipMax) {
    return ship->Wrong("wanted a list of up to 8 places");
  }
  for (const Node& item : ship->items()) {
    TRY(ShipSettings one, ReadShip(item, directory));
    const bool twice = std::ranges::any_of(
        out.ship, [&](const ShipSettings& other) { return other.target == one.target; });
    if (twice) return item.Wrong("is a place that the list has already");
    out.ship.push_back(std::move(one));
  }
  return out;
}

Result<WatcherSettings> ParseWatchers(std::string_view text, const fs::path& file) {
  TRY(const Node root, ParseDocument(text));
  TRY(const Node* log, root.Need("log"));
  std::error_code error;
  const fs::path directory = fs::absolute(file, error).lexically_normal().parent_path();
  if (error) return root.Wrong("the working directory cannot be read: " + error.message());
  return ReadWatchers(*log, directory);
}

}  // namespace schema
