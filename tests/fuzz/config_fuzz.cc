// A configuration that is accepted keeps every promise of config.h, whatever was written; one that
// is not says which kind of fault it is.
#include <cstdint>
#include <set>

#include "schema/base/der.h"
#include "schema/base/document.h"
#include "schema/config.h"
#include "schema/log/checkpoint.h"

namespace {

using schema::Config;
using std::chrono::milliseconds;
using std::chrono::seconds;

bool IsAbsoluteFile(std::string_view key) { return key.starts_with("file:/"); }

void CheckShard(const schema::ShardSettings& shard) {
  MUST(!shard.shard.empty() && shard.shard[0] != '.');
  MUST(shard.shard.find('/') == std::string::npos);
  MUST(schema::IsNoteName(shard.origin));
  MUST(IsAbsoluteFile(shard.note_key));
}

void CheckListen(const schema::ListenSettings& listen) {
  for (const schema::Endpoint* endpoint : {&listen.public_api, &listen.log, &listen.internal}) {
    MUST(schema::ParseAddress(endpoint->host).has_value());
    MUST(schema::ParseEndpoint(endpoint->Text())->Text() == endpoint->Text());
  }
  for (const schema::Network& network : listen.trusted_proxies) {
    MUST(network.prefix >= 0 && network.prefix <= 128);
    MUST(network.Contains(network.address));
  }
}

void CheckKeys(const std::vector<schema::KeyToken>& keys) {
  MUST(!keys.empty() && keys.size() <= 8);
  std::set<std::string> names;
  for (const schema::KeyToken& key : keys) {
    MUST(!key.name.empty() && key.name.size() <= 32 && names.insert(key.name).second);
    MUST(key.uri.starts_with("pkcs11:") || IsAbsoluteFile(key.uri));
    MUST(key.sessions >= 1 && key.sessions <= 64);
    MUST(key.weight >= 1 && key.weight <= 100);
  }
}

void Check(const Config& config) {
  for (const auto* path :
       {&config.directory, &config.state, &config.issuers, &config.policy, &config.ca.chain}) {
    MUST(path->is_absolute());
  }
  CheckListen(config.listen);
  CheckKeys(config.ca.keys);
  for (const auto& key : config.ca.keys) MUST(key.uri.starts_with("pkcs11:"));
  MUST(config.ca.lifetime >= seconds(60) && config.ca.lifetime <= seconds(86400));
  MUST(config.ca.backdate >= seconds(0) && config.ca.backdate <= seconds(300));
  MUST(config.ca.sign_deadline >= milliseconds(100) && config.ca.sign_deadline <= seconds(30));
  CheckShard(config.log.certificates);
  CheckShard(config.log.events);
  MUST(config.log.certificates.origin != config.log.events.origin);
  CheckKeys(config.log.certificates.keys);
  MUST(config.log.events.keys.empty());
  MUST(config.log.checkpoint >= milliseconds(100) && config.log.checkpoint <= seconds(60));
  MUST(config.log.precertificate_backlog >= 1);
  if (const auto& precertificate = config.log.precertificate) {
    MUST(IsAbsoluteFile(precertificate->key) || precertificate->key.starts_with("pkcs11:"));
    MUST(precertificate->chain.is_absolute());
  }
  if (const auto& tsa = config.tsa) {
    MUST(IsAbsoluteFile(tsa->key) || tsa->key.starts_with("pkcs11:"));
    MUST(tsa->chain.is_absolute());
    MUST(schema::der::OidText(schema::der::OidContent(tsa->policy)) == tsa->policy);
    MUST(tsa->accuracy >= seconds(1) && tsa->accuracy <= seconds(60));
  }
  MUST(config.public_url.starts_with("http") && !config.public_url.ends_with('/'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = schema::ParseConfig(schema::AsText({data, size}), "/etc/chancery/c.yaml");
  if (config) {
    Check(*config);
  } else {
    MUST(config.error().Is(schema::kBadSetting) || config.error().Is(schema::kBadDocument));
    MUST(!config.error().detail.empty());
  }
  return 0;
}
