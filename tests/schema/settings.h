// A complete chancery.yaml as JSON (which YAML contains), to be changed one value at a time.
#pragma once

#include <string>
#include <string_view>

#include "schema/base/json.h"
#include "schema/config.h"

// Every key that is needed and none besides.
inline schema::Json Minimal() {
  const auto json = schema::ParseJson(R"({
    "state": "state", "issuers": "issuers.yaml", "policy": "policy.yaml",
    "ca": {"chain": "chain.pem", "key": "pkcs11:token=t;object=ca?pin-source=file:pin"},
    "log": {
      "certificates": {"shard": "2026", "origin": "ca.example/2026", "key": "file:log.key",
                       "note-key": "file:log-note.key"},
      "events": {"shard": "2026", "origin": "ca.example/events/2026",
                 "note-key": "file:events-note.key"}}})",
                                      {1 << 16});
  MUST(json.has_value());
  return *json;
}

// The same with `listen`, and with the keys that `tsa` needs.
inline schema::Json WithParts() {
  schema::Json settings = Minimal();
  settings["listen"] = schema::Json::object();
  settings["tsa"] = {{"key", "file:tsa.key"}, {"chain", "tsa-chain.pem"}, {"policy", "2.999.1"}};
  return settings;
}

// `pointer` as in RFC 6901; `value` is JSON text, or empty to remove the key.
inline schema::Json With(schema::Json settings, const std::string& pointer,
                         std::string_view value) {
  const schema::Json::json_pointer at(pointer);
  if (value.empty()) {
    MUST(settings[at.parent_pointer()].erase(at.back()) == 1);
    return settings;
  }
  settings[at] = schema::Json::parse(value, nullptr, false);
  MUST(!settings[at].is_discarded());
  return settings;
}

inline schema::Result<schema::Config> Parse(const schema::Json& settings) {
  return schema::ParseConfig(settings.dump(), "/etc/chancery/chancery.yaml");
}

inline schema::Json Described(const std::vector<schema::KeyToken>& keys) {
  schema::Json out = schema::Json::array();
  for (const schema::KeyToken& key : keys) {
    out.push_back({key.name, key.uri, key.setting, key.sessions, key.weight});
  }
  return out;
}

// Everything a Config says, to compare two.
inline std::string Described(const schema::Config& c) {
  schema::Json out = {
      {"file", c.file.string()},
      {"directory", c.directory.string()},
      {"listen", {c.listen.public_api.Text(), c.listen.log.Text(), c.listen.internal.Text()}},
      {"paths", {c.state.string(), c.issuers.string(), c.policy.string(), c.ca.chain.string()}},
      {"ca", {Described(c.ca.keys), c.ca.module_env, c.ca.lifetime.count()}},
      {"ca-times", {c.ca.backdate.count(), c.ca.sign_deadline.count()}},
      {"ca-rules", {c.ca.waive_key_attributes, c.ca.context_login, c.ca.kernel_clock}},
      {"rotation", {c.ca.rotation.string(), c.ca.lead.count()}},
      {"log-rules", c.log.certificates.waive_key_attributes},
      {"log", {c.log.checkpoint.count(), c.log.precertificate_backlog, c.log.redact_claims}},
      {"limits", {c.limits.per_address.interval.count(), c.limits.per_address.burst}},
      {"url", c.public_url}};
  if (const auto& p = c.log.precertificate) {
    out["precertificate"] = {p->key, p->chain.string(), p->waive_key_attributes};
  }
  if (const auto& t = c.tsa) {
    out["tsa"] = {t->key,           t->chain.string(),   t->policy,
                  t->include_chain, t->accuracy.count(), t->waive_key_attributes,
                  t->kernel_clock};
  }
  for (const schema::ShardSettings* s : {&c.log.certificates, &c.log.events}) {
    out["shards"].push_back({s->shard, s->origin, Described(s->keys), s->note_key});
  }
  for (const schema::Network& n : c.listen.trusted_proxies) {
    out["proxies"].push_back({n.address, n.prefix});
  }
  for (const schema::Network& n : c.limits.per_address.exempt) {
    out["exempt"].push_back({n.address, n.prefix});
  }
  return out.dump(1);
}
