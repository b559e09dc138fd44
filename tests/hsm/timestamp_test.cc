// `tsa`: the log's signer signs timestamps with a key of their own, and nothing else with it.
#include <doctest/doctest.h>
#include <signal.h>

#include "hsm/digest.h"
#include "schema/base/file.h"
#include "tests/hsm/direct.h"
#include "tests/hsm/rig.h"
#include "tests/hsm/stamp.h"

namespace {

using namespace std::chrono_literals;
using hsm::AnswerCode;
using hsm::Purpose;
using schema::Bytes;
using schema::Steady;

schema::Time Now() { return schema::ToSeconds(schema::SystemClock().Now()); }

Bytes Honest(const schema::Config& config) {
  return tests::HonestStamp(*tests::SettingsOf(config).timestamp, Now());
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a stamp's attributes are signed with the key of the certificate, wherever it is") {
  struct Case {
    const char* place;
    bool log_in_token;
    const char* precertificate;
    std::size_t reports;
  };
  const Case cases[] = {{"file", false, "", 1},
                        {"token", false, "", 2},
                        {"token", true, "", 3},
                        {"token", true, "token", 4},
                        {"file", true, "file", 2}};
  for (const Case& c : cases) {
    CAPTURE(c.place);
    CAPTURE(c.precertificate);
    const support::HsmState state({.log_key_in_token = c.log_in_token,
                                   .precertificate = c.precertificate,
                                   .timestamp = c.place});
    support::MemoryJournal journal;
    const schema::Config config = state.Load();
    const auto custody = tests::MustStart(config, journal);
    const Bytes stamp = Honest(config);
    const auto got = custody->Sign(Purpose::kTimestamp, stamp, Steady::now() + 10s);
    REQUIRE(got.has_value());
    const hsm::KeyFacts& facts = custody->facts();
    const schema::BytesView attributes = hsm::AttributesOfTimestamp(stamp);
    CHECK(hsm::VerifyP256(facts.timestamp, attributes, got->signature.view()));
    CHECK_FALSE(hsm::VerifyP256(facts.timestamp, stamp, got->signature.view()));
    CHECK_FALSE(hsm::VerifyP256(facts.log, attributes, got->signature.view()));
    CHECK_EQ(custody->key_reports().size(), c.reports);
    for (const auto& count : custody->State().signatures) {
      CHECK_EQ(count.made, count.purpose == Purpose::kTimestamp ? 1 : 0);
      CHECK_EQ(count.excess, 0);
    }
  }
}

TEST_CASE("who asks for anything but a stamp of now gets nothing of that key") {
  const support::HsmState state({.timestamp = "file"});
  const schema::Config config = state.Load();
  const hsm::GuardSettings settings = tests::SettingsOf(config);
  const hsm::TimestampGuard& guard = *settings.timestamp;
  const Bytes honest = Honest(config);
  const tests::Question questions[] = {
      {"a stamp", "log", Purpose::kTimestamp, honest, AnswerCode::kSigned},
      {"a stamp of the issuing signer", "issuing", Purpose::kTimestamp, honest,
       AnswerCode::kRefused},
      {"a stamp of yesterday", "log", Purpose::kTimestamp, tests::HonestStamp(guard, Now() - 24h),
       AnswerCode::kRefused},
      {"a stamp of tomorrow", "log", Purpose::kTimestamp, tests::HonestStamp(guard, Now() + 24h),
       AnswerCode::kRefused},
      {"the attributes alone", "log", Purpose::kTimestamp,
       schema::ToBytes(hsm::AttributesOfTimestamp(honest)), AnswerCode::kRefused},
      {"a certificate", "log", Purpose::kTimestamp,
       tests::Build(tests::SampleTbs(settings, Purpose::kCertificate, Now())),
       AnswerCode::kRefused},
      {"a probe", "log", Purpose::kTimestamp, tests::Probe("x"), AnswerCode::kRefused},
      {"a stamp as a leaf", "log", Purpose::kSct, honest, AnswerCode::kRefused},
      {"a stamp as a certificate", "issuing", Purpose::kCertificate, honest, AnswerCode::kRefused},
  };
  tests::CheckAnswers(state, questions);
}

TEST_CASE("without tsa no signer signs a stamp") {
  const support::HsmState with({.timestamp = "file"});
  const support::HsmState without;
  const Bytes stamp = Honest(with.Load());
  for (const char* role : {"issuing", "log"}) {
    tests::Direct signer(without, role);
    signer.Hello();
    signer.Ask(1, Purpose::kTimestamp, stamp);
    CHECK(signer.Code() == AnswerCode::kRefused);
  }
}

TEST_CASE("a key that does not go with its chain, or is another's too, is refused at the start") {
  const support::HsmState state({.timestamp = "file"});
  const auto error = [&state] { return tests::StartError(state).detail; };
  const std::filesystem::path chain = state.directory() / "tsa-chain.pem";
  const std::filesystem::path key = state.directory() / "tsa.key";

  std::filesystem::rename(chain, state.directory() / "kept.pem");
  CHECK(Has(error(), "tsa.chain: "));
  std::filesystem::copy(state.directory() / "chain.pem", chain);
  CHECK(Has(error(), "tsa.chain: the public key of the chain's first certificate is not that of"));
  std::filesystem::rename(state.directory() / "kept.pem", chain);
  std::filesystem::permissions(key, std::filesystem::perms(0444));
  CHECK(Has(error(), "tsa.key: "));
  std::filesystem::remove(key);
  CHECK(Has(error(), "tsa.key: "));
  // The issuing CA's key and chain, as somebody who saves a key might have it.
  std::filesystem::copy(state.directory() / "chain.pem", chain,
                        std::filesystem::copy_options::overwrite_existing);
  const auto text = schema::ReadFile(state.config_file());
  REQUIRE(text);
  std::string changed = *text;
  const std::string_view from = "file:tsa.key";
  changed.replace(changed.find(from), from.size(), state.token().Uri("ca"));
  support::WriteFile(state.config_file(), changed, 0644);
  CHECK(Has(error(), "tsa.key: it is the key of the issuing CA or of the log too"));
}

TEST_CASE("the log's signer logs in to one token, whichever of its keys is there") {
  for (const bool log_in_token : {true, false}) {
    CAPTURE(log_in_token);
    const support::HsmState state({.log_key_in_token = log_in_token,
                                   .precertificate = log_in_token ? "" : "token",
                                   .timestamp = "token"});
    const auto text = schema::ReadFile(state.config_file());
    REQUIRE(text);
    std::string other = *text;
    const std::string_view from = "token=chancery;object=tsa";
    const auto at = other.find(from);
    REQUIRE_NE(at, std::string::npos);
    other.replace(at, from.size(), "token=another;object=tsa");
    support::WriteFile(state.config_file(), other, 0644);
    const schema::Error error = tests::StartError(state);
    CHECK(error.Is(hsm::kKeyUnusable));
    CHECK(Has(error.detail, log_in_token
                                ? "tsa.key: another token than that of log.certificates.key"
                                : "tsa.key: another token than that of log.precertificate-key"));
  }
}

TEST_CASE("a killed log signer comes back with the key") {
  const support::HsmState state({.timestamp = "token"});
  support::MemoryJournal journal;
  const schema::Config config = state.Load();
  const auto custody = tests::MustStart(config, journal);
  const auto stamps = [&] {
    return custody->Sign(Purpose::kTimestamp, Honest(config), Steady::now() + 10s).has_value();
  };
  CHECK(stamps());
  const int log_signer = tests::PidOf(*custody, 1);
  ::kill(log_signer, SIGKILL);
  REQUIRE(tests::Eventually([&] {
    const auto signers = custody->State().signers;
    return signers[1].pid > 0 && signers[1].pid != log_signer;
  }));
  CHECK(stamps());
}

}  // namespace
