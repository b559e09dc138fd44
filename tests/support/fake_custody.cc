#include "tests/support/fake_custody.h"

#include <openssl/ec.h>
#include <openssl/x509.h>

#include <thread>

namespace support {
namespace {

schema::OwnedKey NewP256() {
  schema::OwnedKey key(EVP_EC_gen("P-256"));
  MUST(key);
  return key;
}

schema::OwnedKey NewEd25519() {
  schema::OwnedKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  MUST(key);
  return key;
}

schema::SpkiDer Spki(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  MUST(size > 0);
  schema::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return schema::SpkiDer(std::move(bytes));
}

schema::Bytes RawPublic(EVP_PKEY* key) {
  schema::Bytes raw(32);
  std::size_t size = raw.size();
  MUST(EVP_PKEY_get_raw_public_key(key, raw.data(), &size) == 1 && size == 32);
  return raw;
}

const EVP_MD* DigestFor(EVP_PKEY* key) {
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return EVP_PKEY_is_a(key, "ED25519") ? nullptr : sha256;
}

}  // namespace

schema::Signature SignWith(EVP_PKEY* key, schema::BytesView bytes) {
  schema::OwnedDigestContext context(EVP_MD_CTX_new());
  MUST(EVP_DigestSignInit(context.get(), nullptr, DigestFor(key), nullptr, key) == 1);
  schema::Bytes signature(128);
  std::size_t size = signature.size();
  MUST(EVP_DigestSign(context.get(), signature.data(), &size, bytes.data(), bytes.size()) == 1);
  signature.resize(size);
  return schema::Signature(std::move(signature));
}

bool VerifyWith(EVP_PKEY* key, schema::BytesView bytes, schema::BytesView signature) {
  schema::OwnedDigestContext context(EVP_MD_CTX_new());
  MUST(EVP_DigestVerifyInit(context.get(), nullptr, DigestFor(key), nullptr, key) == 1);
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(),
                          bytes.size()) == 1;
}

schema::OwnedKey KeyFromSpki(schema::BytesView spki) {
  const unsigned char* p = spki.data();
  schema::OwnedKey key(d2i_PUBKEY(nullptr, &p, static_cast<long>(spki.size())));
  MUST(key);
  return key;
}

schema::OwnedKey KeyFromEd25519(schema::BytesView raw) {
  schema::OwnedKey key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
  MUST(key);
  return key;
}

FakeCustody::FakeCustody() : issuing_(NewP256()) {
  facts_.issuing = Spki(issuing_.get());
  facts_.token = "fake (0001, tests)";
  facts_.token_serial = "0001";
  ChangeLogKeys();
}

void FakeCustody::ChangeCertificatesLogKeys() {
  log_ = NewP256();
  certificates_note_ = NewEd25519();
  facts_.log = Spki(log_.get());
  facts_.certificates_note = RawPublic(certificates_note_.get());
}

void FakeCustody::ChangeEventsLogKey() {
  events_note_ = NewEd25519();
  facts_.events_note = RawPublic(events_note_.get());
}

void FakeCustody::SignPrecertificatesWith(schema::OwnedKey key) {
  facts_.precertificate = key ? Spki(key.get()) : schema::SpkiDer();
  precertificate_ = std::move(key);
}

FakeCustody::Plan& FakeCustody::PlanOf(hsm::Purpose purpose) {
  return plans_[static_cast<std::size_t>(purpose)];
}

EVP_PKEY* FakeCustody::KeyOf(hsm::Purpose purpose) const {
  switch (purpose) {
    case hsm::Purpose::kProbe:
    case hsm::Purpose::kCertificate:
      return issuing_.get();
    case hsm::Purpose::kPrecertificate:
      return precertificate_ ? precertificate_.get() : issuing_.get();
    case hsm::Purpose::kSct:
    case hsm::Purpose::kTreeHead:
      return log_.get();
    case hsm::Purpose::kCertificatesNote:
      return certificates_note_.get();
    case hsm::Purpose::kEventsNote:
      return events_note_.get();
    case hsm::Purpose::kTimestamp:  // has a certificate: tests that want it use a real signer
    case hsm::Purpose::kKeepAlive:
      break;
  }
  MUST(false);
}

schema::Result<hsm::Signed> FakeCustody::SignOne(hsm::Purpose purpose, schema::BytesView bytes) {
  if (watch_) watch_(purpose, bytes);
  {
    std::lock_guard lock(mutex_);
    Plan& plan = PlanOf(purpose);
    if (plan.failures != 0) {
      if (plan.failures > 0) --plan.failures;
      return schema::Error{plan.failure, "the test asked for it"};
    }
    ++plan.count;
  }
  return hsm::Signed{SignWith(KeyOf(purpose), bytes), facts_.token_serial, 1};
}

schema::Result<hsm::Signed> FakeCustody::Sign(hsm::Purpose purpose, schema::BytesView bytes,
                                              schema::Steady::time_point deadline) {
  return std::move(SignAll(purpose, {bytes}, deadline).front());
}

std::vector<schema::Result<hsm::Signed>> FakeCustody::SignAll(
    hsm::Purpose purpose, const std::vector<schema::BytesView>& inputs,
    schema::Steady::time_point) {
  std::chrono::milliseconds delay;
  {
    std::lock_guard lock(mutex_);
    delay = PlanOf(purpose).delay;
  }
  if (delay.count() > 0) std::this_thread::sleep_for(delay);
  std::vector<schema::Result<hsm::Signed>> results;
  results.reserve(inputs.size());
  for (const schema::BytesView input : inputs) results.push_back(SignOne(purpose, input));
  return results;
}

hsm::CustodyState FakeCustody::State() const {
  ++looks_;
  std::lock_guard lock(mutex_);
  hsm::CustodyState state{};
  const auto fails = [&](hsm::Purpose p) {
    // A device that fails a few times is not known to be away.
    return plans_[static_cast<std::size_t>(p)].failures < 0;
  };
  state.issuing_ready = !fails(hsm::Purpose::kCertificate);
  state.log_ready = !fails(hsm::Purpose::kSct);
  state.tokens = tokens_;
  if (!state.issuing_ready || !state.log_ready) state.reason = "the test asked for it";
  for (std::size_t i = 0; i < state.signatures.size(); ++i) {
    const Plan& plan = plans_[i + 1];
    state.signatures[i] = {static_cast<hsm::Purpose>(i + 1), plan.count, 0,
                           plan.count + plan.excess,         0,          plan.excess};
  }
  state.operations = plans_[static_cast<std::size_t>(hsm::Purpose::kProbe)].count +
                     plans_[static_cast<std::size_t>(hsm::Purpose::kCertificate)].count;
  if (!precertificate_) {
    state.operations += plans_[static_cast<std::size_t>(hsm::Purpose::kPrecertificate)].count;
  }
  return state;
}

void FakeCustody::Overcount(hsm::Purpose purpose, std::uint64_t more) {
  std::lock_guard lock(mutex_);
  PlanOf(purpose).excess += more;
}

void FakeCustody::SetTokens(std::vector<hsm::CustodyState::Token> tokens) {
  std::lock_guard lock(mutex_);
  tokens_ = std::move(tokens);
}

bool FakeCustody::Ready() const {
  const hsm::CustodyState state = State();
  return state.issuing_ready && state.log_ready;
}

std::uint64_t FakeCustody::Count(hsm::Purpose purpose) const {
  std::lock_guard lock(mutex_);
  return plans_[static_cast<std::size_t>(purpose)].count;
}

void FakeCustody::Fail(hsm::Purpose purpose, const schema::ErrorKind& kind, int times) {
  std::lock_guard lock(mutex_);
  PlanOf(purpose).failure = &kind;
  PlanOf(purpose).failures = times;
}

void FakeCustody::Delay(hsm::Purpose purpose, std::chrono::milliseconds delay) {
  std::lock_guard lock(mutex_);
  PlanOf(purpose).delay = delay;
}

}  // namespace support
