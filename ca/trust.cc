#include "ca/trust.h"

#include <algorithm>

#include "schema/base/base64.h"
#include "schema/base/json.h"
#include "schema/log/verifier_key.h"

namespace ca {
namespace {

using schema::Json;

constexpr const char* kTimestampPath = "/api/v1/timestamp";

Json Certificates(const std::vector<schema::CertDer>& chain) {
  Json certificates = Json::array();
  for (const schema::CertDer& certificate : chain) {
    certificates.push_back({{"rawBytes", schema::Base64(certificate.view())}});
  }
  return {{"certificates", std::move(certificates)}};
}

Json CertificateAuthority(const schema::Config& config, const IssuingCa& ca) {
  const Chain& chain = ca.chain;
  Json window = {{"start", schema::Rfc3339(chain.not_before)}};
  if (ca.until) window["end"] = schema::Rfc3339(*ca.until);
  return {
      {"subject", {{"organization", chain.organization}, {"commonName", chain.common_name}}},
      {"uri", config.public_url},
      {"certChain", Certificates(chain.certificates)},
      {"validFor", std::move(window)},
  };
}

Json TimestampAuthorities(const schema::Config& config,
                          std::span<const TimestampChain> timestamps) {
  Json all = Json::array();
  for (const TimestampChain& chain : timestamps) {
    all.push_back(
        {{"subject", {{"organization", chain.organization}, {"commonName", chain.common_name}}},
         {"uri", config.public_url + kTimestampPath},
         {"certChain", Certificates(chain.certificates)},
         {"validFor", {{"start", schema::Rfc3339(chain.not_before)}}}});
  }
  return all;
}

// Its SCTs are from `since` to `until`; absent: it is not closed.
Json CertificateLog(const schema::Config& config, const IssuingCas& cas, const std::string& shard,
                    const schema::SpkiDer& log_key, schema::Time since,
                    std::optional<schema::TimeMs> until) {
  // The first SCT is not older than the shard, and no certificate is older than its chain.
  for (const auto& ca : cas.all()) since = std::min(since, ca->chain.not_before);
  Json window = {{"start", schema::Rfc3339(since)}};
  if (until) {
    window["end"] = schema::Rfc3339(schema::ToSeconds(*until) + std::chrono::seconds(1));
  }
  return {
      {"baseUrl", config.public_url + "/log/certificates/" + shard},
      {"hashAlgorithm", "SHA2_256"},
      {"publicKey",
       {{"rawBytes", schema::Base64(log_key.view())},
        {"keyDetails", "PKIX_ECDSA_P256_SHA_256"},
        {"validFor", std::move(window)}}},
      {"logId", {{"keyId", schema::Base64(schema::Sha256(log_key.view()))}}},
  };
}

Json CertificateLogs(const schema::Config& config, const IssuingCas& cas, const LogKeys& keys) {
  const std::string& written = config.log.certificates.shard;
  Json logs = Json::array();
  for (const FormerShard& shard : keys.former) {
    if (shard.log != LogName::kCertificates) continue;
    logs.push_back(CertificateLog(config, cas, shard.name, shard.log_key,
                                  schema::ToSeconds(shard.since), shard.until));
  }
  logs.push_back(CertificateLog(config, cas, written, keys.log_key, schema::ToSeconds(keys.since),
                                std::nullopt));
  const auto& next = cas.next_shard();
  const auto opened = [&](const std::string& name) {
    return name == written || std::ranges::any_of(keys.former, [&](const FormerShard& shard) {
             return shard.log == LogName::kCertificates && shard.name == name;
           });
  };
  if (next && !opened(next->terms.name)) {
    logs.push_back(CertificateLog(config, cas, next->terms.name, next->log_key,
                                  next->terms.prepared, std::nullopt));
  }
  return logs;
}

}  // namespace

std::string TrustedRoot(const schema::Config& config, const IssuingCas& cas, const LogKeys& keys,
                        std::span<const TimestampChain> timestamps) {
  Json authorities = Json::array();
  for (const auto& ca : cas.all()) authorities.push_back(CertificateAuthority(config, *ca));
  return Json{
             {"mediaType", "application/vnd.dev.sigstore.trustedroot+json;version=0.1"},
             {"tlogs", Json::array()},
             {"certificateAuthorities", std::move(authorities)},
             {"ctlogs", CertificateLogs(config, cas, keys)},
             {"timestampAuthorities", TimestampAuthorities(config, timestamps)},
         }
             .dump(2) +
         "\n";
}

std::string SigningConfig(const schema::Config& config, const IssuingCas& cas) {
  const Chain& chain = cas.active().chain;
  const auto service = [&chain](const std::string& url) {
    return Json::array({{{"url", url},
                         {"majorApiVersion", 1},
                         {"validFor", {{"start", schema::Rfc3339(chain.not_before)}}},
                         {"operator", chain.organization}}});
  };
  Json out = {{"mediaType", "application/vnd.dev.sigstore.signingconfig.v0.2+json"},
              {"caUrls", service(config.public_url)},
              {"oidcUrls", Json::array()},
              {"rekorTlogUrls", Json::array()},
              {"tsaUrls", Json::array()}};
  if (config.tsa) {
    out["tsaUrls"] = service(config.public_url + kTimestampPath);
    out["tsaConfig"] = {{"selector", "ANY"}};
  }
  return out.dump(2) + "\n";
}

std::string ClientTrustConfig(const std::string& trusted_root, const std::string& signing_config) {
  return Json{{"mediaType", "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"},
              {"trustedRoot", Json::parse(trusted_root)},
              {"signingConfig", Json::parse(signing_config)}}
             .dump(2) +
         "\n";
}

std::string OneLine(const std::string& document) { return Json::parse(document).dump() + "\n"; }

std::vector<std::string> AllCertificates(const IssuingCas& cas) {
  std::vector<std::string> all;
  const auto add = [&all](const Chain& chain) {
    for (const std::string& pem : chain.pem) {
      if (std::ranges::find(all, pem) == all.end()) all.push_back(pem);
    }
  };
  add(cas.active().chain);
  for (const auto& ca : cas.all()) add(ca->chain);
  return all;
}

std::string LogVerifierKeys(const schema::Config& config, const LogKeys& keys) {
  using schema::NoteKeyType;
  const schema::LogSettings& log = config.log;
  std::vector<schema::VerifierKey> all;
  const auto add = [&all](const std::string& origin, const schema::SpkiDer& log_key,
                          const schema::Bytes& note_key) {
    if (!log_key.empty()) all.push_back({origin, NoteKeyType::kTreeHead, log_key.bytes()});
    all.push_back({origin, NoteKeyType::kEd25519, note_key});
  };
  add(log.certificates.origin, keys.log_key, keys.certificates_note_key);
  add(log.events.origin, {}, keys.events_note_key);
  for (const FormerShard& shard : keys.former) add(shard.origin, shard.log_key, shard.note_key);
  std::string out =
      "# Verifier keys (C2SP signed-note) of the certificates log, twice, and of the events log.\n"
      "# Add a line for each witness you know: its cosignatures are then asked for.\n";
  for (const schema::VerifierKey& key : all) out += key.Text() + '\n';
  return out;
}

}  // namespace ca
