#include "schema/config.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "schema/base/document.h"
#include "schema/log/checkpoint.h"
#include "schema/module_env.h"
#include "schema/setting_text.h"
#include "schema/watcher_settings.h"

namespace schema {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kShardBytes = 64;
constexpr std::size_t kOriginBytes = 255;

bool AllOf(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

Result<std::string> NeedText(const Node& map, std::string_view key) {
  TRY(const Node* node, map.Need(key));
  return SettingText(*node);
}

Result<fs::path> NeedPath(const Node& map, std::string_view key, const Config& config) {
  TRY(const std::string text, NeedText(map, key));
  return config.Resolve(text);
}

struct Span {
  milliseconds least, most;
};

// The member's duration within `span`, or `absent`.
Result<milliseconds> DurationOr(const Node& map, std::string_view key, milliseconds absent,
                                Span span) {
  const Node* node = map.Find(key);
  if (node == nullptr) return absent;
  TRY(const milliseconds value, node->Duration());
  if (value < span.least || value > span.most) {
    return node->Wrong("must be from " + FormatDuration(span.least) + " to " +
                       FormatDuration(span.most) + ", found " + node->text());
  }
  return value;
}

// The same for what X.509 times can hold: whole seconds.
Result<seconds> SecondsOr(const Node& map, std::string_view key, seconds absent, Span span) {
  TRY(const milliseconds value, DurationOr(map, key, absent, span));
  const seconds whole = std::chrono::floor<seconds>(value);
  if (whole != value) return map.Find(key)->Wrong("must be whole seconds");
  return whole;
}

Result<std::int64_t> IntegerOr(const Node& map, std::string_view key, std::int64_t absent,
                               std::int64_t most) {
  const Node* node = map.Find(key);
  return node == nullptr ? Result<std::int64_t>(absent) : node->Integer(1, most);
}

Result<Endpoint> EndpointOr(const Node* listen, std::string_view key, std::uint16_t port) {
  const Node* node = listen == nullptr ? nullptr : listen->Find(key);
  if (node == nullptr) return Endpoint{"127.0.0.1", port};
  TRY(const std::string text, node->String());
  auto endpoint = ParseEndpoint(text);
  if (!endpoint) return node->Wrong(endpoint.error().detail);
  return *std::move(endpoint);
}

Result<ListenSettings> ReadListen(const Node* node) {
  if (node != nullptr) TRY(node->OnlyKeys({"public", "log", "internal", "trusted-proxies"}));
  ListenSettings out;
  TRY(out.public_api, EndpointOr(node, "public", 5555));
  TRY(out.log, EndpointOr(node, "log", 5557));
  TRY(out.internal, EndpointOr(node, "internal", 5556));
  std::set<std::string> taken;
  for (const Endpoint* endpoint : {&out.public_api, &out.log, &out.internal}) {
    if (endpoint->port != 0 && !taken.insert(endpoint->Text()).second) {
      // Without `listen` the three differ.
      return node->Wrong("public, log and internal need ports of their own, found " +
                         endpoint->Text() + " twice");
    }
  }
  const Node* proxies = node == nullptr ? nullptr : node->Find("trusted-proxies");
  if (proxies == nullptr) return out;
  TRY(out.trusted_proxies, ReadNetworks(*proxies));
  return out;
}

Result<CaSettings> ReadCa(const Node& node, const Config& config) {
  TRY(node.OnlyKeys({"chain", "key", "module-env", "sessions", "lifetime", "backdate",
                     "sign-deadline", "waive-key-attributes", "context-login", "rotation", "lead",
                     "clock"}));
  CaSettings out;
  TRY(out.chain, NeedPath(node, "chain", config));
  TRY(out.module_env, ReadModuleEnv(node.Find("module-env"), config.directory));
  TRY(const std::int64_t sessions, IntegerOr(node, "sessions", 2, 64));
  out.sessions = static_cast<int>(sessions);
  TRY(const Node* key, node.Need("key"));
  TRY(out.keys, ReadKey(*key, {false, out.sessions, config.directory}));
  TRY(out.lifetime, SecondsOr(node, "lifetime", seconds(600), {seconds(60), seconds(86400)}));
  TRY(out.backdate, SecondsOr(node, "backdate", seconds(30), {seconds(0), seconds(300)}));
  TRY(out.sign_deadline,
      DurationOr(node, "sign-deadline", seconds(2), {milliseconds(100), seconds(30)}));
  TRY(out.waive_key_attributes, ReadWaivers(node.Find("waive-key-attributes")));
  if (const Node* clock = node.Find("clock")) {
    TRY(out.kernel_clock, ReadClock(*clock));
  }
  const Node* context_login = node.Find("context-login");
  TRY(out.context_login, context_login == nullptr ? Result<bool>(false) : context_login->Bool());
  if (node.Find("rotation") != nullptr) {
    TRY(out.rotation, NeedPath(node, "rotation", config));
  }
  TRY(out.lead, SecondsOr(node, "lead", hours(24), {seconds(0), hours(24 * 365)}));
  return out;
}

// A part of URL paths and of database keys.
Outcome CheckShard(const Node& node, std::string_view shard) {
  const std::string allowed = std::string(kLower) + std::string(kDigits) + ".-";
  if (shard.size() > kShardBytes || !AllOf(shard, allowed) || shard.front() == '.') {
    return node.Wrong("wanted up to 64 characters a-z, 0-9, '-' and, not first, '.'");
  }
  return Ok();
}

// The name of the log for as long as anyone verifies: static-ct-api, a submission prefix without
// scheme and trailing slash; and a key name of signed-note.
Outcome CheckOrigin(const Node& node, const std::string& origin) {
  const bool ascii = std::ranges::all_of(origin, [](char c) { return c > 0x20 && c < 0x7f; });
  if (origin.size() > kOriginBytes || !ascii || !IsNoteName(origin) || origin.ends_with('/') ||
      origin.find("://") != std::string::npos) {
    return node.Wrong(
        "wanted a name such as ca.example.org/2026: ASCII without scheme, spaces, '+' and last "
        "'/'");
  }
  return Ok();
}

enum class LogKind { kCertificates, kEvents };

Result<ShardSettings> ReadShard(const Node& node, LogKind kind, const Config& config) {
  const bool certificates = kind == LogKind::kCertificates;
  if (certificates) {
    TRY(node.OnlyKeys({"shard", "origin", "key", "note-key", "waive-key-attributes"}));
  } else {
    TRY(node.OnlyKeys({"shard", "origin", "note-key"}));
  }
  ShardSettings out;
  TRY(out.shard, NeedText(node, "shard"));
  TRY(CheckShard(*node.Find("shard"), out.shard));
  TRY(out.origin, NeedText(node, "origin"));
  TRY(CheckOrigin(*node.Find("origin"), out.origin));
  if (certificates) {
    TRY(const Node* key, node.Need("key"));
    TRY(out.keys, ReadKey(*key, {true, 1, config.directory}));
    TRY(out.waive_key_attributes, ReadWaivers(node.Find("waive-key-attributes")));
  }
  TRY(const Node* note_key, node.Need("note-key"));
  TRY(out.note_key, ReadNoteKey(*note_key, config.directory));
  return out;
}

// Nothing: the issuing key signs precertificates.
Result<std::optional<PrecertificateSettings>> ReadPrecertificate(const Node& log,
                                                                 const Config& config) {
  constexpr std::string_view kKey = "precertificate-key", kChain = "precertificate-chain",
                             kWaivers = "precertificate-waive-key-attributes";
  std::string mode = "ca";
  if (const Node* node = log.Find("precertificate")) {
    TRY(mode, node->String());
    if (mode != "ca" && mode != "signer") {
      return node->Wrong("wanted 'ca', the issuing key, or 'signer', a key of its own; found '" +
                         mode + "'");
    }
  }
  if (mode == "ca") {
    for (const std::string_view key : {kKey, kChain, kWaivers}) {
      if (const Node* node = log.Find(key)) {
        return node->Wrong("is for 'precertificate: signer' only; set that, or remove this");
      }
    }
    return std::optional<PrecertificateSettings>();
  }
  PrecertificateSettings out;
  TRY(const Node* key, log.Need(kKey));
  TRY(out.key, ReadKeyUri(*key, {true, 1, config.directory}));
  TRY(out.chain, NeedPath(log, kChain, config));
  TRY(out.waive_key_attributes, ReadWaivers(log.Find(kWaivers)));
  return std::optional(std::move(out));
}

Result<LogSettings> ReadLog(const Node& node, const Config& config) {
  TRY(node.OnlyKeys({"certificates", "events", "checkpoint", "precertificate", "precertificate-key",
                     "precertificate-chain", "precertificate-waive-key-attributes",
                     "precertificate-backlog", "redact-claims", "witnesses", "witness-quorum",
                     "ship"}));
  LogSettings out;
  TRY(const Node* certificates, node.Need("certificates"));
  TRY(out.certificates, ReadShard(*certificates, LogKind::kCertificates, config));
  TRY(const Node* events, node.Need("events"));
  TRY(out.events, ReadShard(*events, LogKind::kEvents, config));
  if (out.events.origin == out.certificates.origin) {
    return events->Find("origin")->Wrong(
        "is the origin of log.certificates too; logs need names of their own");
  }
  TRY(out.checkpoint, DurationOr(node, "checkpoint", seconds(1), {milliseconds(100), seconds(60)}));
  TRY(out.precertificate, ReadPrecertificate(node, config));
  TRY(const std::int64_t backlog, IntegerOr(node, "precertificate-backlog", 1024, 1'000'000));
  out.precertificate_backlog = static_cast<std::size_t>(backlog);
  if (const Node* claims = node.Find("redact-claims")) {
    TRY(out.redact_claims, claims->Strings());
    for (const std::string& name : out.redact_claims) {
      if (name.empty()) return claims->Wrong("holds an empty name");
    }
  }
  TRY(ReadWatchers(node, config.directory));  // kept by who watches: ParseWatchers
  return out;
}

// What stands behind the scheme, or nothing.
std::string_view BehindScheme(std::string_view url) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (url.starts_with(scheme)) return url.substr(scheme.size());
  }
  return {};
}

// Trust documents carry this text and monitors compare it byte for byte.
Result<std::string> ReadUrl(const Node* node, const Endpoint& public_api) {
  if (node == nullptr) return "http://" + public_api.Text();
  TRY(const std::string url, SettingText(*node));
  const std::string_view rest = BehindScheme(url);
  if (rest.empty() || rest.front() == '/' || rest.back() == '/' ||
      rest.find_first_of(" ?#@\"<>\\") != std::string_view::npos) {
    return node->Wrong("wanted http(s)://HOST[:PORT][/PATH] without a last '/'");
  }
  return url;
}

}  // namespace

fs::path Config::Resolve(const fs::path& path) const {
  return (directory / path).lexically_normal();
}

Result<Config> ParseConfig(std::string_view text, const fs::path& file) {
  TRY(const Node root, ParseDocument(text));
  TRY(root.OnlyKeys(
      {"listen", "state", "issuers", "policy", "ca", "hsm", "log", "limits", "tsa", "tuf", "url"}));
  Config out;
  out.file = file;
  out.text = text;
  std::error_code error;
  out.directory = fs::absolute(file, error).lexically_normal().parent_path();
  if (error) return root.Wrong("the working directory cannot be read: " + error.message());
  TRY(out.listen, ReadListen(root.Find("listen")));
  TRY(out.state, NeedPath(root, "state", out));
  TRY(out.issuers, NeedPath(root, "issuers", out));
  TRY(out.policy, NeedPath(root, "policy", out));
  TRY(const Node* ca, root.Need("ca"));
  TRY(out.ca, ReadCa(*ca, out));
  TRY(const Node* log, root.Need("log"));
  TRY(out.hsm, ReadHsm(root.Find("hsm"), out.directory, out.state));
  TRY(out.log, ReadLog(*log, out));
  if (out.log.precertificate && !out.ca.rotation.empty()) {
    return ca->Find("rotation")
        ->Wrong(
            "goes with 'log.precertificate: ca' only: a key for precertificates is of one issuing "
            "CA");
  }
  TRY(out.limits, ReadLimits(root.Find("limits")));
  TRY(out.tsa, ReadTsa(root.Find("tsa"), out.directory));
  if (root.Find("tuf") != nullptr) {
    TRY(out.tuf, NeedPath(root, "tuf", out));
  }
  TRY(out.public_url, ReadUrl(root.Find("url"), out.listen.public_api));
  return out;
}

}  // namespace schema
