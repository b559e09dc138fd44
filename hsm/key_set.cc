#include "hsm/key_set.h"

#include "hsm/digest.h"
#include "hsm/file_key.h"
#include "hsm/token_choice.h"
#include "schema/base/der.h"

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::string_view kFileScheme = "file:";
constexpr const char* kLogKey = "log.certificates.key";

// The message starts with the configuration key that the operator has to look at.
template <class T>
Result<T> At(const std::string& setting, Result<T> result) {
  if (result) return result;
  return Error{result.error().kind, setting + ": " + result.error().detail};
}

Result<std::unique_ptr<SigningKey>> OpenFile(const schema::Config& config, std::string_view text,
                                             FileKeyKind kind) {
  if (!text.starts_with(kFileScheme)) return Error{&kKeyUnusable, "not file:PATH"};
  return OpenFileKey(config.Resolve(text.substr(kFileScheme.size())), kind);
}

Result<std::unique_ptr<SigningKey>> OpenToken(const schema::Config& config, std::string_view text,
                                              const KeyTerms& terms, Modules& modules,
                                              LoginReport& report) {
  TRY(const KeyUri uri, ParseKeyUri(text, config.directory));
  Opening opening;
  return OpenTokenKey(uri, terms, modules, opening, report);
}

// A key in a file or in a token.
Result<std::unique_ptr<SigningKey>> OpenEither(const schema::Config& config, std::string_view text,
                                               const KeyTerms& terms, Modules& modules,
                                               LoginReport& report) {
  return text.starts_with(kFileScheme) ? OpenFile(config, text, FileKeyKind::kEcdsaP256)
                                       : OpenToken(config, text, terms, modules, report);
}

std::chrono::microseconds Since(schema::Steady::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(schema::Steady::now() - begin);
}

// One login for each signer: what it tried is told of one PIN only.
Outcome CheckOneToken(const schema::Config& config, const std::string& key,
                      const std::string& other, const char* other_setting) {
  if (key.starts_with(kFileScheme) || other.starts_with(kFileScheme)) return schema::Ok();
  if (ShareToken(config, key, other)) return schema::Ok();
  return Error{&kKeyUnusable, "another token than that of " + std::string(other_setting) +
                                  ", and the log signer logs in to one; put both keys in one "
                                  "token, or one of them in a file"};
}

}  // namespace

KeyTerms IssuingTerms(const schema::Config& config, const schema::KeyToken& key) {
  return {key.setting,
          config.ca.waive_key_attributes,
          config.ca.context_login,
          SessionsOf(config, key.uri),
          config.hsm.state,
          -1,
          KeyChain::kIssuing};
}

KeyTerms LogTerms(const schema::Config& config, const schema::KeyToken& key) {
  return {key.setting,
          config.log.certificates.waive_key_attributes,
          false,
          SessionsOf(config, key.uri),
          config.hsm.state,
          -1,
          KeyChain::kNone};
}

KeyTerms PrecertificateTerms(const schema::Config& config) {
  const schema::PrecertificateSettings& settings = *config.log.precertificate;
  return {"log.precertificate-key",
          settings.waive_key_attributes,
          false,
          SessionsOf(config, settings.key),
          config.hsm.state,
          -1,
          KeyChain::kPrecertificate};
}

KeyTerms TimestampTerms(const schema::Config& config) {
  const schema::TsaSettings& settings = *config.tsa;
  return {"tsa.key",
          settings.waive_key_attributes,
          false,
          SessionsOf(config, settings.key),
          config.hsm.state,
          -1,
          KeyChain::kTimestamp};
}

bool PinIsOfCommand(const schema::Config& config, Role role, const schema::KeyToken& key) {
  const auto uri = ParseKeyUri(PinUri(config, role, key), config.directory);
  return uri && uri->pin.kind == PinKind::kCommand;
}

Result<Bytes> Prove(SigningKey& key) {
  const BytesView probe = schema::AsBytes(kProbePrefix);
  TRY(const schema::Signature signature, key.Sign(probe));
  if (!VerifyP256(key.spki(), probe, signature.view())) {
    return Error{&kKeyUnusable,
                 "signature: it does not verify; the private key does not belong to the public "
                 "key object, or the module signs wrongly"};
  }
  return signature.bytes();
}

Result<GuardSettings> ReadGuardSettings(const schema::Config& config) {
  TRY(IssuerCertificate issuer, At("ca.chain", ReadIssuerCertificate(config.ca.chain)));
  GuardSettings guard;
  guard.issuer = std::move(issuer.subject);
  guard.issuer_key_id = std::move(issuer.key_id);
  guard.issuing_key = std::move(issuer.key);
  if (config.log.precertificate) {
    TRY(guard.precertificate,
        At("log.precertificate-chain", ReadIssuerCertificate(config.log.precertificate->chain)));
  }
  if (config.tsa) {
    TRY(FirstCertificate own, At("tsa.chain", ReadFirstCertificate(config.tsa->chain)));
    guard.timestamp = {own.digest, std::move(own.key), schema::der::OidContent(config.tsa->policy),
                       config.tsa->accuracy};
  }
  guard.lifetime_max = config.ca.lifetime + config.ca.backdate;
  guard.certificates_origin = config.log.certificates.origin;
  guard.events_origin = config.log.events.origin;
  return guard;
}

Outcome KeySet::OpenIssuing(const schema::Config& config, const schema::KeyToken& key,
                            int entered_pin, Modules& modules, LoginReport& report) {
  KeyTerms terms = IssuingTerms(config, key);
  terms.entered_pin = entered_pin;
  TRY(issuing_, At(key.setting, OpenToken(config, key.uri, terms, modules, report)));
  // A token exchanged under a running server would sign what no chain covers.
  if (issuing_->spki() != guard_.issuing_key) {
    return Error{&kOtherKey,
                 "ca.chain: " + std::string(kOtherChain) + "; " + std::string(kOtherChainRemedy)};
  }
  const auto begin = schema::Steady::now();
  TRY(hello_.probe, At(key.setting, Prove(*issuing_)));
  hello_.proved_in = Since(begin);
  hello_.facts.issuing = issuing_->spki();
  hello_.facts.token = issuing_->token();
  hello_.facts.token_serial = issuing_->token_serial();
  hello_.facts.report = issuing_->report();
  return schema::Ok();
}

Outcome KeySet::OpenLog(const schema::Config& config, const schema::KeyToken& key, int entered_pin,
                        Modules& modules, LoginReport& report) {
  TRY(leaf_guards_, LeafGuards::Read(config));
  KeyTerms terms = LogTerms(config, key);
  terms.entered_pin = entered_pin;
  TRY(log_, At(key.setting, OpenEither(config, key.uri, terms, modules, report)));
  const auto begin = schema::Steady::now();
  TRY(At(key.setting, Prove(*log_)));
  hello_.proved_in = Since(begin);
  TRY(certificates_note_,
      At("log.certificates.note-key",
         OpenFile(config, config.log.certificates.note_key, FileKeyKind::kEd25519)));
  TRY(events_note_, At("log.events.note-key",
                       OpenFile(config, config.log.events.note_key, FileKeyKind::kEd25519)));
  hello_.facts.log = log_->spki();
  hello_.facts.certificates_note = RawEd25519(certificates_note_->spki());
  hello_.facts.events_note = RawEd25519(events_note_->spki());
  hello_.facts.token = log_->token();
  hello_.facts.token_serial = log_->token_serial();
  hello_.facts.report = log_->report();
  if (config.log.precertificate) {
    TRY(OpenPrecertificate(config, key, entered_pin, modules, report));
  }
  return config.tsa ? OpenTimestamp(config, key, entered_pin, modules, report) : schema::Ok();
}

Outcome KeySet::OpenPrecertificate(const schema::Config& config, const schema::KeyToken& log,
                                   int entered_pin, Modules& modules, LoginReport& report) {
  const std::string setting = "log.precertificate-key";
  TRY(At(setting, CheckOneToken(config, config.log.precertificate->key, log.uri, kLogKey)));
  KeyTerms terms = PrecertificateTerms(config);
  terms.entered_pin = entered_pin;
  TRY(precertificate_,
      At(setting, OpenEither(config, config.log.precertificate->key, terms, modules, report)));
  if (precertificate_->spki() != guard_.precertificate->key) {
    return Error{&kKeyUnusable,
                 "log.precertificate-chain: " + std::string(kOtherPrecertificateChain) + "; " +
                     std::string(kOtherPrecertificateChainRemedy)};
  }
  TRY(At(setting, Prove(*precertificate_)));
  hello_.facts.precertificate = precertificate_->spki();
  hello_.facts.precertificate_report = precertificate_->report();
  return schema::Ok();
}

Outcome KeySet::OpenTimestamp(const schema::Config& config, const schema::KeyToken& log,
                              int entered_pin, Modules& modules, LoginReport& report) {
  const std::string setting = "tsa.key";
  const std::string& text = config.tsa->key;
  TRY(At(setting, CheckOneToken(config, text, log.uri, kLogKey)));
  if (const auto& other = config.log.precertificate) {
    TRY(At(setting, CheckOneToken(config, text, other->key, "log.precertificate-key")));
  }
  KeyTerms terms = TimestampTerms(config);
  terms.entered_pin = entered_pin;
  TRY(timestamp_, At(setting, OpenEither(config, text, terms, modules, report)));
  if (timestamp_->spki() != guard_.timestamp->key) {
    return Error{&kKeyUnusable, "tsa.chain: " + std::string(kOtherTimestampChain) + "; " +
                                    std::string(kOtherTimestampChainRemedy)};
  }
  // What one key signs for two purposes, a mistake in one of them signs for the other.
  if (timestamp_->spki() == guard_.issuing_key || timestamp_->spki() == log_->spki()) {
    return Error{&kKeyUnusable,
                 setting +
                     ": it is the key of the issuing CA or of the log too; a timestamp "
                     "authority has a key of its own"};
  }
  TRY(At(setting, Prove(*timestamp_)));
  hello_.facts.timestamp = timestamp_->spki();
  hello_.facts.timestamp_report = timestamp_->report();
  return schema::Ok();
}

Result<KeySet> KeySet::Open(const schema::Config& config, Role role, const schema::KeyToken& key,
                            int entered_pin, Modules& modules, LoginReport& report) {
  KeySet keys;
  TRY(keys.guard_, ReadGuardSettings(config));
  TRY(role == Role::kIssuing ? keys.OpenIssuing(config, key, entered_pin, modules, report)
                             : keys.OpenLog(config, key, entered_pin, modules, report));
  return keys;
}

SigningKey* KeySet::KeyOf(Purpose purpose) {
  switch (purpose) {
    case Purpose::kProbe:
    case Purpose::kCertificate:
      return issuing_.get();
    case Purpose::kPrecertificate:
      return guard_.precertificate ? precertificate_.get() : issuing_.get();
    case Purpose::kSct:
    case Purpose::kTreeHead:
      return log_.get();
    case Purpose::kCertificatesNote:
      return certificates_note_.get();
    case Purpose::kEventsNote:
      return events_note_.get();
    case Purpose::kTimestamp:
      return timestamp_.get();
    case Purpose::kKeepAlive:
      return nullptr;
  }
  return nullptr;
}

Result<schema::Signature> KeySet::Sign(Purpose purpose, BytesView bytes, schema::Time now) {
  SigningKey* const key = KeyOf(purpose);
  if (key == nullptr) return Error{&kSignerRefused, "not a purpose of this signer"};
  const bool leaf = purpose == Purpose::kSct && leaf_guards_;
  TRY(Allow(leaf ? leaf_guards_->Of(bytes) : guard_, purpose, bytes, now));
  return key->Sign(purpose == Purpose::kTimestamp ? AttributesOfTimestamp(bytes) : bytes);
}

Outcome KeySet::KeepAlive() {
  for (SigningKey* key : {issuing_.get(), log_.get(), precertificate_.get(), timestamp_.get()}) {
    if (key != nullptr) TRY(key->KeepAlive());
  }
  return schema::Ok();
}

}  // namespace hsm
