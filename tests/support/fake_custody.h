// An hsm::Custody inside the test's own process: software keys, counts, failures and delays on
// command.
//
// It signs whatever it is given: the guard has tests of its own. Thread-safe.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "hsm/custody.h"
#include "schema/base/openssl.h"

namespace support {

class FakeCustody final : public hsm::Custody {
 public:
  // Fresh keys: P-256 for issuing and log, Ed25519 for the notes.
  FakeCustody();

  const hsm::KeyFacts& facts() const override { return facts_; }
  const std::vector<std::string>& key_reports() const override { return key_reports_; }
  schema::Result<hsm::Signed> Sign(hsm::Purpose purpose, schema::BytesView bytes,
                                   schema::Steady::time_point deadline) override;
  std::vector<schema::Result<hsm::Signed>> SignAll(hsm::Purpose purpose,
                                                   const std::vector<schema::BytesView>& inputs,
                                                   schema::Steady::time_point deadline) override;
  // On the calling thread, with its delay.
  void Submit(hsm::Purpose purpose, schema::BytesView bytes, schema::Steady::time_point deadline,
              std::shared_ptr<hsm::SignatureTaker> taker) override {
    taker->Set(0, Sign(purpose, bytes, deadline));
  }
  hsm::CustodyState State() const override;
  bool Ready() const override;
  schema::Steady::duration TimeFor(std::size_t certificates) const override {
    return each_.load() * static_cast<std::int64_t>(certificates);
  }

  // For building a chain whose issuing key is this custody's.
  EVP_PKEY* issuing_key() const { return issuing_.get(); }
  EVP_PKEY* log_key() const { return log_.get(); }

  // Precertificates are signed by this key, as with `log.precertificate: signer`; null: by the
  // issuing key. Call while nobody uses the custody.
  void SignPrecertificatesWith(schema::OwnedKey key);

  // Fresh log and note keys, as after a rotation of the log. Call while nobody uses the custody.
  void ChangeLogKeys() {
    ChangeCertificatesLogKeys();
    ChangeEventsLogKey();
  }
  void ChangeCertificatesLogKeys();
  void ChangeEventsLogKey();

  // Inputs signed (not refused) for this purpose.
  std::uint64_t Count(hsm::Purpose purpose) const;
  // Every input of this purpose fails with `kind`, `times` times; forever when negative; 0 ends it.
  void Fail(hsm::Purpose purpose, const schema::ErrorKind& kind, int times = -1);
  // Each exchange (Sign or SignAll) of this purpose takes so much longer.
  void Delay(hsm::Purpose purpose, std::chrono::milliseconds delay);
  // What it says that each certificate takes.
  void Expect(std::chrono::milliseconds each) { each_ = each; }
  // Its tokens, which do nothing by themselves.
  void SetTokens(std::vector<hsm::CustodyState::Token> tokens);
  // How often its state was asked for.
  std::uint64_t looks() const { return looks_; }
  // From now on its signers say that they made so many more than they were asked for.
  void Overcount(hsm::Purpose purpose, std::uint64_t more);
  // Called before each input is signed, on the asking thread. Set before other threads use the
  // custody.
  void Watch(std::function<void(hsm::Purpose, schema::BytesView)> watch) {
    watch_ = std::move(watch);
  }

 private:
  struct Plan {
    std::uint64_t count = 0;
    std::uint64_t excess = 0;
    const schema::ErrorKind* failure = nullptr;
    int failures = 0;
    std::chrono::milliseconds delay{0};
  };
  Plan& PlanOf(hsm::Purpose purpose);
  EVP_PKEY* KeyOf(hsm::Purpose purpose) const;
  schema::Result<hsm::Signed> SignOne(hsm::Purpose purpose, schema::BytesView bytes);

  schema::OwnedKey issuing_, log_, precertificate_, certificates_note_, events_note_;
  hsm::KeyFacts facts_;
  std::vector<std::string> key_reports_;
  std::function<void(hsm::Purpose, schema::BytesView)> watch_;
  std::atomic<std::chrono::milliseconds> each_{};
  mutable std::atomic<std::uint64_t> looks_{0};
  mutable std::mutex mutex_;
  std::array<Plan, hsm::kSigningPurposes + 1> plans_;
  std::vector<hsm::CustodyState::Token> tokens_;
};

// Signs with any key: ECDSA with SHA-256 as DER, or Ed25519.
schema::Signature SignWith(EVP_PKEY* key, schema::BytesView bytes);
bool VerifyWith(EVP_PKEY* key, schema::BytesView bytes, schema::BytesView signature);
// From SubjectPublicKeyInfo DER.
schema::OwnedKey KeyFromSpki(schema::BytesView spki);
// From 32 octets Ed25519.
schema::OwnedKey KeyFromEd25519(schema::BytesView raw);

}  // namespace support
