#include "hsm/key_set.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "hsm/digest.h"
#include "hsm/file_key.h"
#include "schema/base/file.h"
#include "schema/base/openssl.h"

namespace hsm {

using schema::Bytes;
using schema::BytesView;
using schema::Error;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::string_view kFileScheme = "file:";

// The message starts with the configuration key that the operator has to look at.
template <class T>
Result<T> At(const std::string& setting, Result<T> result) {
  if (result) return result;
  return Error{result.error().kind, setting + ": " + result.error().detail};
}

// OpenSSL's i2d functions: size first, then the octets.
template <class T, class Encode>
Bytes Encoded(T* value, Encode encode) {
  unsigned char* der = nullptr;
  const int size = encode(value, &der);
  if (size <= 0) return {};
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
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

// Whether both keys are reached by the same module and token.
bool ShareToken(const schema::Config& config) {
  const auto ca = ParseKeyUri(config.ca.key, config.directory);
  const auto log = ParseKeyUri(config.log.certificates.key, config.directory);
  return ca && log && ca->module == log->module && ca->token == log->token &&
         ca->serial == log->serial;
}

}  // namespace

KeyTerms IssuingTerms(const schema::Config& config) {
  return {"ca.key",
          config.ca.waive_key_attributes,
          config.ca.context_login,
          config.ca.sessions + (ShareToken(config) ? 1 : 0),
          config.hsm.state,
          -1};
}

KeyTerms LogTerms(const schema::Config& config) {
  return {"log.certificates.key",
          config.log.certificates.waive_key_attributes,
          false,
          ShareToken(config) ? config.ca.sessions + 1 : 1,
          config.hsm.state,
          -1};
}

bool PinIsOfCommand(const schema::Config& config, Role role) {
  const bool issuing = role == Role::kIssuing;
  const auto uri =
      ParseKeyUri(issuing ? config.ca.key : config.log.certificates.key, config.directory);
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

std::string_view RoleName(Role role) { return role == Role::kIssuing ? "issuing" : "log"; }

Result<GuardSettings> ReadGuardSettings(const schema::Config& config) {
  TRY(const std::string pem, schema::ReadFile(config.ca.chain));
  const schema::OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const schema::OwnedCert certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return Error{&kKeyUnusable, "no PEM certificate"};
  const ASN1_OCTET_STRING* key_id = X509_get0_subject_key_id(certificate.get());
  if (key_id == nullptr)
    return Error{&kKeyUnusable, "the first certificate has no SubjectKeyIdentifier"};

  GuardSettings guard;
  const unsigned char* id = ASN1_STRING_get0_data(key_id);
  guard.issuer_key_id = Bytes(id, id + ASN1_STRING_length(key_id));
  guard.issuer = schema::NameDer(Encoded(X509_get_subject_name(certificate.get()), i2d_X509_NAME));
  guard.issuing_key =
      schema::SpkiDer(Encoded(X509_get_X509_PUBKEY(certificate.get()), i2d_X509_PUBKEY));
  guard.lifetime_max = config.ca.lifetime + config.ca.backdate;
  guard.certificates_origin = config.log.certificates.origin;
  guard.events_origin = config.log.events.origin;
  return guard;
}

Outcome KeySet::OpenIssuing(const schema::Config& config, int entered_pin, Modules& modules,
                            LoginReport& report) {
  KeyTerms terms = IssuingTerms(config);
  terms.entered_pin = entered_pin;
  TRY(issuing_, At("ca.key", OpenToken(config, config.ca.key, terms, modules, report)));
  // A token exchanged under a running server would sign what no chain covers.
  if (issuing_->spki() != guard_.issuing_key) {
    return Error{&kKeyUnusable,
                 "ca.chain: " + std::string(kOtherChain) + "; " + std::string(kOtherChainRemedy)};
  }
  TRY(hello_.probe, At("ca.key", Prove(*issuing_)));
  hello_.facts.issuing = issuing_->spki();
  hello_.facts.token = issuing_->token();
  hello_.facts.token_serial = issuing_->token_serial();
  hello_.facts.report = issuing_->report();
  return schema::Ok();
}

Outcome KeySet::OpenLog(const schema::Config& config, int entered_pin, Modules& modules,
                        LoginReport& report) {
  const std::string& key = config.log.certificates.key;
  KeyTerms terms = LogTerms(config);
  terms.entered_pin = entered_pin;
  TRY(log_, At("log.certificates.key", key.starts_with(kFileScheme)
                                           ? OpenFile(config, key, FileKeyKind::kEcdsaP256)
                                           : OpenToken(config, key, terms, modules, report)));
  TRY(At("log.certificates.key", Prove(*log_)));
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
  return schema::Ok();
}

Result<KeySet> KeySet::Open(const schema::Config& config, Role role, int entered_pin,
                            Modules& modules, LoginReport& report) {
  KeySet keys;
  TRY(keys.guard_, At("ca.chain", ReadGuardSettings(config)));
  TRY(role == Role::kIssuing ? keys.OpenIssuing(config, entered_pin, modules, report)
                             : keys.OpenLog(config, entered_pin, modules, report));
  return keys;
}

SigningKey* KeySet::KeyOf(Purpose purpose) {
  switch (purpose) {
    case Purpose::kProbe:
    case Purpose::kCertificate:
    case Purpose::kPrecertificate:
      return issuing_.get();
    case Purpose::kSct:
    case Purpose::kTreeHead:
      return log_.get();
    case Purpose::kCertificatesNote:
      return certificates_note_.get();
    case Purpose::kEventsNote:
      return events_note_.get();
    case Purpose::kKeepAlive:
      return nullptr;
  }
  return nullptr;
}

Result<schema::Signature> KeySet::Sign(Purpose purpose, BytesView bytes, schema::Time now) {
  SigningKey* const key = KeyOf(purpose);
  if (key == nullptr) return Error{&kSignerRefused, "not a purpose of this signer"};
  TRY(Allow(guard_, purpose, bytes, now));
  return key->Sign(bytes);
}

Outcome KeySet::KeepAlive() {
  for (SigningKey* key : {issuing_.get(), log_.get()}) {
    if (key != nullptr) TRY(key->KeepAlive());
  }
  return schema::Ok();
}

}  // namespace hsm
