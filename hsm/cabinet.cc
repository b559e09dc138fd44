#include "hsm/cabinet.h"

#include "hsm/generate.h"
#include "hsm/key_set.h"
#include "hsm/new_token.h"
#include "hsm/token_key.h"

namespace hsm {

using schema::Error;
using schema::Outcome;
using schema::Result;

struct Cabinet::Inside {
  Modules modules;
};

namespace {

KeyTerms TermsOf(const std::string& setting) { return {.setting = setting, .context_login = true}; }

Error Named(const std::string& setting, const Error& error) {
  return {error.kind, setting + ": " + error.detail};
}

}  // namespace

Cabinet::Cabinet() : inside_(std::make_unique<Inside>()) {}
Cabinet::~Cabinet() = default;

Outcome Cabinet::Generate(const std::string& setting, const KeyUri& uri) {
  Opening opening;
  const auto made = GenerateKey(uri, TermsOf(setting), inside_->modules, opening);
  if (!made) return Named(setting, made.error());
  return schema::Ok();
}

Result<std::unique_ptr<SigningKey>> Cabinet::Open(const std::string& setting, const KeyUri& uri) {
  Opening opening;
  LoginReport report;
  auto key = OpenTokenKey(uri, TermsOf(setting), inside_->modules, opening, report);
  if (!key) return Named(setting, key.error());
  if (const auto proof = Prove(**key); !proof) return Named(setting, proof.error());
  return key;
}

Outcome Cabinet::MakeToken(const std::filesystem::path& module, std::string_view label,
                           const std::filesystem::path& pin_file) {
  TRY(const Module* loaded, inside_->modules.Get(module));
  TRY(const auto pin, ReadPin(pin_file));
  return hsm::MakeToken(*loaded, label, pin.pin);
}

}  // namespace hsm
