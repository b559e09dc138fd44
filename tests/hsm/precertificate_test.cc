// `log.precertificate: signer`: the log's signer signs precertificates with a key of their own, and
// the issuing key makes one signature for each certificate.
#include <doctest/doctest.h>
#include <signal.h>

#include "hsm/digest.h"
#include "schema/base/file.h"
#include "schema/log/leaf.h"
#include "tests/hsm/direct.h"
#include "tests/hsm/rig.h"

namespace {

using namespace std::chrono_literals;
using hsm::AnswerCode;
using hsm::Purpose;
using schema::Bytes;
using schema::Steady;

schema::Time Now() { return schema::ToSeconds(schema::SystemClock().Now()); }

Bytes Tbs(const schema::Config& config, Purpose purpose) {
  return tests::Build(tests::SampleTbs(tests::SettingsOf(config), purpose, Now()));
}

// What State says that the issuing key has done for one certificate and its precertificate.
std::uint64_t OperationsOfOne(hsm::Custody& custody, const schema::Config& config) {
  const std::uint64_t before = custody.State().operations;
  for (const Purpose purpose : {Purpose::kCertificate, Purpose::kPrecertificate}) {
    const auto got = custody.Sign(purpose, Tbs(config, purpose), Steady::now() + 10s);
    REQUIRE(got.has_value());
  }
  return custody.State().operations - before;
}

TEST_CASE("two operations of the issuing key for each certificate, or one") {
  for (const char* place : {"", "file", "token"}) {
    CAPTURE(place);
    const support::HsmState state({.precertificate = place});
    support::MemoryJournal journal;
    const schema::Config config = state.Load();
    const auto custody = tests::MustStart(config, journal);
    const bool delegated = *place != '\0';
    CHECK_EQ(OperationsOfOne(*custody, config), delegated ? 1 : 2);
    CHECK_EQ(custody->facts().precertificate.empty(), !delegated);
    // One of each was made, whoever made it.
    for (const auto& count : custody->State().signatures) {
      const bool made =
          count.purpose == Purpose::kCertificate || count.purpose == Purpose::kPrecertificate;
      CHECK_EQ(count.made, made ? 1 : 0);
      CHECK_EQ(count.excess, 0);
    }
  }
}

TEST_CASE("a precertificate verifies with the key of its own, and with no other") {
  const support::HsmState state({.precertificate = "file"});
  support::MemoryJournal journal;
  const schema::Config config = state.Load();
  const auto custody = tests::MustStart(config, journal);
  const Bytes tbs = Tbs(config, Purpose::kPrecertificate);
  const auto got = custody->Sign(Purpose::kPrecertificate, tbs, Steady::now() + 10s);
  REQUIRE(got.has_value());
  const hsm::KeyFacts& facts = custody->facts();
  CHECK(hsm::VerifyP256(facts.precertificate, tbs, got->signature.view()));
  CHECK_FALSE(hsm::VerifyP256(facts.issuing, tbs, got->signature.view()));
  CHECK_FALSE(hsm::VerifyP256(facts.log, tbs, got->signature.view()));
}

TEST_CASE("keys in one token: reported each, with their sessions") {
  const support::HsmState state({.log_key_in_token = true, .precertificate = "token"});
  support::MemoryJournal journal;
  const schema::Config config = state.Load();
  const auto custody = tests::MustStart(config, journal);
  CHECK_EQ(OperationsOfOne(*custody, config), 1);
  REQUIRE_EQ(custody->key_reports().size(), 3);
  CHECK_NE(custody->key_reports()[2].find("log.precertificate-key"), std::string::npos);
}

TEST_CASE("the issuing signer refuses precertificates, and the log's refuses those of the CA") {
  const support::HsmState state({.precertificate = "file"});
  const schema::Config config = state.Load();
  const hsm::GuardSettings settings = tests::SettingsOf(config);
  hsm::GuardSettings before = settings;
  before.precertificate.reset();
  const auto tbs = [](const hsm::GuardSettings& by, Purpose purpose) {
    return tests::Build(tests::SampleTbs(by, purpose, Now()));
  };
  const Bytes leaf = schema::EncodeLeaf(Now(), 7, schema::Sha256(settings.issuing_key.view()),
                                        tbs(settings, Purpose::kSct))
                         .bytes();
  const tests::Question questions[] = {
      {"an honest precertificate to the issuing signer", "issuing", Purpose::kPrecertificate,
       tbs(settings, Purpose::kPrecertificate), AnswerCode::kRefused},
      {"one in the CA's name to the issuing signer", "issuing", Purpose::kPrecertificate,
       tbs(before, Purpose::kPrecertificate), AnswerCode::kRefused},
      {"a certificate to the issuing signer", "issuing", Purpose::kCertificate,
       tbs(settings, Purpose::kCertificate), AnswerCode::kSigned},
      {"an honest precertificate to the log's signer", "log", Purpose::kPrecertificate,
       tbs(settings, Purpose::kPrecertificate), AnswerCode::kSigned},
      {"one in the CA's name to the log's signer", "log", Purpose::kPrecertificate,
       tbs(before, Purpose::kPrecertificate), AnswerCode::kRefused},
      {"a certificate to the log's signer", "log", Purpose::kCertificate,
       tbs(settings, Purpose::kCertificate), AnswerCode::kRefused},
      {"a certificate called precertificate", "log", Purpose::kPrecertificate,
       tbs(settings, Purpose::kCertificate), AnswerCode::kRefused},
      {"a leaf of the CA's", "log", Purpose::kSct, leaf, AnswerCode::kSigned},
  };
  tests::CheckAnswers(state, questions);
}

TEST_CASE("a key that does not go with its chain, or is open to others, is refused at the start") {
  const support::HsmState state({.precertificate = "file"});
  const auto error = [&state] { return tests::StartError(state).detail; };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  const std::filesystem::path chain = state.directory() / "precertificate-chain.pem";
  const std::filesystem::path key = state.directory() / "precertificate.key";

  std::filesystem::rename(chain, state.directory() / "kept.pem");
  CHECK(has(error(), "log.precertificate-chain: "));
  std::filesystem::copy(state.directory() / "chain.pem", chain);
  CHECK(has(error(), "log.precertificate-chain: the public key of the chain's first certificate"));
  std::filesystem::rename(state.directory() / "kept.pem", chain);

  std::filesystem::permissions(key, std::filesystem::perms(0444));
  CHECK(has(error(), "log.precertificate-key: "));
  std::filesystem::remove(key);
  CHECK(has(error(), "log.precertificate-key: "));
}

TEST_CASE("the log's signer logs in to one token") {
  const support::HsmState state({.log_key_in_token = true, .precertificate = "token"});
  const auto text = schema::ReadFile(state.config_file());
  REQUIRE(text);
  const std::string_view from = "token=chancery;object=precertificate";
  const auto at = text->find(from);
  REQUIRE_NE(at, std::string::npos);
  std::string other = *text;
  other.replace(at, from.size(), "token=another;object=precertificate");
  support::WriteFile(state.config_file(), other, 0644);
  const schema::Error error = tests::StartError(state);
  CHECK(error.Is(hsm::kKeyUnusable));
  CHECK_NE(error.detail.find("log.precertificate-key: another token than that of"),
           std::string::npos);
}

TEST_CASE("a killed log signer comes back with the key") {
  const support::HsmState state({.precertificate = "token"});
  support::MemoryJournal journal;
  const schema::Config config = state.Load();
  const auto custody = tests::MustStart(config, journal);
  CHECK_EQ(OperationsOfOne(*custody, config), 1);
  const int log_signer = tests::PidOf(*custody, 1);
  ::kill(log_signer, SIGKILL);
  REQUIRE(tests::Eventually([&] {
    const auto signers = custody->State().signers;
    return signers[1].pid > 0 && signers[1].pid != log_signer;
  }));
  CHECK_EQ(OperationsOfOne(*custody, config), 1);
}

}  // namespace
