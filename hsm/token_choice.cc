#include "hsm/token_choice.h"

#include "hsm/custody.h"
#include "hsm/uri.h"

namespace hsm {

using schema::Error;
using schema::KeyToken;
using schema::Result;

const std::vector<KeyToken>& TokensOf(const schema::Config& config, Role role) {
  return role == Role::kIssuing ? config.ca.keys : config.log.certificates.keys;
}

Result<KeyToken> ChooseToken(const schema::Config& config, Role role, std::string_view name) {
  const std::vector<KeyToken>& tokens = TokensOf(config, role);
  std::string known;
  for (const KeyToken& token : tokens) {
    if (name.empty() || token.name == name) return token;
    known += (known.empty() ? "" : ", ") + token.name;
  }
  const char* const setting = role == Role::kIssuing ? "ca.key" : "log.certificates.key";
  return Error{&kKeyUnusable, std::string(setting) + ": no token is called '" + std::string(name) +
                                  "'; it has " + known};
}

std::vector<const std::string*> FurtherLogKeys(const schema::Config& config) {
  std::vector<const std::string*> keys;
  if (config.log.precertificate) keys.push_back(&config.log.precertificate->key);
  if (config.tsa) keys.push_back(&config.tsa->key);
  return keys;
}

const std::string& PinUri(const schema::Config& config, Role role, const KeyToken& key) {
  if (role != Role::kLog || !key.uri.starts_with("file:")) return key.uri;
  for (const std::string* further : FurtherLogKeys(config)) {
    if (!further->starts_with("file:")) return *further;
  }
  return key.uri;
}

bool ShareToken(const schema::Config& config, const std::string& one, const std::string& other) {
  const auto a = ParseKeyUri(one, config.directory);
  const auto b = ParseKeyUri(other, config.directory);
  return a && b && a->module == b->module && a->token == b->token && a->serial == b->serial;
}

int SessionsOf(const schema::Config& config, const std::string& uri) {
  int sessions = 0;
  for (const Role role : {Role::kIssuing, Role::kLog}) {
    for (const KeyToken& token : TokensOf(config, role)) {
      if (ShareToken(config, uri, token.uri)) sessions += token.sessions;
      if (role != Role::kLog) continue;
      for (const std::string* further : FurtherLogKeys(config)) {
        if (ShareToken(config, uri, *further)) sessions += token.sessions;
      }
    }
  }
  return sessions;
}

}  // namespace hsm
