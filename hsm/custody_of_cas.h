// The signers of several issuing CAs side by side, and the one log signer.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "hsm/signers.h"
#include "hsm/unanswered.h"
#include "schema/rotation.h"

namespace hsm {

// Which CA signs is in the bytes to be signed: a TBSCertificate names its issuer. Thread-safe.
class CustodyOfCas final : public Custody {
 public:
  // Custody::Start. The signers of the active CA and of the log have to come up; what the others
  // lack is journaled.
  static schema::Result<std::unique_ptr<Custody>> Start(const schema::Config& config,
                                                        const std::filesystem::path& program,
                                                        schema::Journal& journal);

  const KeyFacts& facts() const override { return facts_; }
  const std::vector<std::string>& key_reports() const override { return key_reports_; }
  schema::Result<Signed> Sign(Purpose purpose, schema::BytesView bytes,
                              schema::Steady::time_point deadline) override;
  std::vector<schema::Result<Signed>> SignAll(Purpose purpose,
                                              const std::vector<schema::BytesView>& inputs,
                                              schema::Steady::time_point deadline) override;
  void Submit(Purpose purpose, schema::BytesView bytes, schema::Steady::time_point deadline,
              std::shared_ptr<SignatureTaker> taker) override;
  CustodyState State() const override;
  bool Ready() const override;
  schema::Steady::duration TimeFor(std::size_t certificates) const override;
  schema::Outcome Follow(const schema::Rotation& rotation,
                         const std::vector<std::string>& cas) override;

 private:
  struct CaCrew {
    std::string ca;
    schema::NameDer issuer;
    const std::shared_ptr<Unanswered> unanswered = std::make_shared<Unanswered>();
    std::unique_ptr<Custody> custody;
  };
  using Crews = std::vector<std::shared_ptr<CaCrew>>;

  CustodyOfCas(const schema::Config& config, const std::filesystem::path& program,
               schema::Journal& journal)
      : config_(config), program_(program), journal_(journal) {}

  schema::Outcome StartOne();
  schema::Outcome StartSeveral();
  schema::Result<std::shared_ptr<CaCrew>> Bring(const schema::RotationCa& ca);
  void Take(const Custody& custody);
  Crews Manned() const;
  std::shared_ptr<CaCrew> Lead() const;
  // The signers of the issuer that `bytes` names; null when there are none.
  static std::shared_ptr<CaCrew> CrewOf(const Crews& crews, schema::BytesView bytes);
  // Waits until it has answered; its counts stay.
  void Part(const std::shared_ptr<CaCrew>& crew);

  const schema::Config config_;
  const std::filesystem::path program_;
  schema::Journal& journal_;
  KeyFacts facts_;
  std::vector<std::string> key_reports_;
  Gates gates_;                   // before the signers, which hold them; under following_
  std::unique_ptr<Custody> log_;  // null: the only crew has the log key too
  std::mutex following_;          // one Follow at a time
  mutable std::mutex mutex_;
  Crews crews_;                   // guarded by mutex_, as the rest
  Crews leaving_;                 // are asked for nothing any more
  std::shared_ptr<CaCrew> lead_;  // one of crews_
  CustodyState gone_{};           // counts of signers that were sent away
};

}  // namespace hsm
