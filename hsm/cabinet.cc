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
  std::filesystem::path state;
  Modules modules;

  KeyTerms TermsOf(const std::string& setting) const {
    return {.setting = setting, .context_login = true, .state = state};
  }
};

namespace {

Error Named(const std::string& setting, const Error& error) {
  return {error.kind, setting + ": " + error.detail};
}

}  // namespace

Cabinet::Cabinet(std::filesystem::path state) : inside_(new Inside{std::move(state), {}}) {}
Cabinet::~Cabinet() = default;

Outcome Cabinet::Generate(const std::string& setting, const KeyUri& uri) {
  Opening opening;
  const auto made = GenerateKey(uri, inside_->TermsOf(setting), inside_->modules, opening);
  if (!made) return Named(setting, made.error());
  return schema::Ok();
}

Result<std::unique_ptr<SigningKey>> Cabinet::Open(const std::string& setting, const KeyUri& uri) {
  Opening opening;
  LoginReport report;
  auto key = OpenTokenKey(uri, inside_->TermsOf(setting), inside_->modules, opening, report);
  if (!key) return Named(setting, key.error());
  if (const auto proof = Prove(**key); !proof) return Named(setting, proof.error());
  return key;
}

Outcome Cabinet::MakeToken(const std::filesystem::path& module, std::string_view label,
                           const PinSource& source) {
  TRY(const Module* loaded, inside_->modules.Get(module));
  TRY(const auto pin, ReadPin(source));
  return hsm::MakeToken(*loaded, label, pin.pin);
}

}  // namespace hsm
