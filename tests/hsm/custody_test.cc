// Custody on real signer processes and a real token: what it signs, and that it heals.
#include "hsm/custody.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "hsm/digest.h"
#include "hsm/guard.h"
#include "schema/log/checkpoint.h"
#include "schema/log/leaf.h"
#include "schema/log/sct.h"
#include "tests/hsm/rig.h"
#include "tests/support/test_ca.h"

namespace {

using namespace std::chrono_literals;
using hsm::Purpose;
using schema::Bytes;
using schema::Steady;

schema::Time Now() { return schema::ToSeconds(schema::SystemClock().Now()); }

bool Signs(hsm::Custody& custody, std::string_view tail) {
  const Bytes probe = tests::Probe(tail);
  const auto got = custody.Sign(Purpose::kProbe, probe, Steady::now() + 5s);
  return got && hsm::VerifyP256(custody.facts().issuing, probe, got->signature.view());
}

bool Ed25519Verifies(const Bytes& raw, schema::BytesView message, schema::BytesView signature) {
  const schema::OwnedKey key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
  const schema::OwnedDigestContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

TEST_CASE("signs each purpose with its key, and nothing else") {
  const support::HsmState state({.log_key_in_token = true});
  support::MemoryJournal journal;
  const schema::Config config = state.Load();
  const auto custody = tests::MustStart(config, journal);
  const hsm::KeyFacts& facts = custody->facts();
  CHECK(facts.issuing == support::SpkiOf(state.token().PublicKey("ca").get()));
  CHECK(facts.log == support::SpkiOf(state.token().PublicKey("log").get()));
  CHECK_NE(facts.token.find("chancery ("), std::string::npos);
  CHECK_FALSE(facts.token_serial.empty());

  const hsm::GuardSettings settings = tests::SettingsOf(config);
  const auto deadline = Steady::now() + 5s;
  const auto verifies = [&](Purpose purpose, const schema::SpkiDer& key, const Bytes& bytes) {
    const auto got = custody->Sign(purpose, bytes, deadline);
    if (!got) FAIL(got.error().Describe());
    CHECK_EQ(got->token_serial, facts.token_serial);
    return hsm::VerifyP256(key, bytes, got->signature.view());
  };
  for (const Purpose purpose : {Purpose::kCertificate, Purpose::kPrecertificate}) {
    CHECK(
        verifies(purpose, facts.issuing, tests::Build(tests::SampleTbs(settings, purpose, Now()))));
  }
  const Bytes tbs = tests::Build(tests::SampleTbs(settings, Purpose::kSct, Now()));
  const auto leaf = schema::EncodeLeaf(Now(), 1, schema::Sha256(facts.issuing.view()), tbs);
  CHECK(verifies(Purpose::kSct, facts.log, leaf.bytes()));
  CHECK(verifies(Purpose::kTreeHead, facts.log, schema::TreeHeadInput(Now(), 1, schema::Hash{})));
  const Bytes note = tests::Text(schema::CheckpointText("ca.test/certificates", 1, schema::Hash{}));
  const auto signed_note = custody->Sign(Purpose::kCertificatesNote, note, deadline);
  REQUIRE(signed_note.has_value());
  CHECK(Ed25519Verifies(facts.certificates_note, note, signed_note->signature.view()));

  const auto refused = [&](Purpose purpose, const Bytes& bytes) {
    const auto got = custody->Sign(purpose, bytes, deadline);
    return !got && got.error().Is(hsm::kSignerRefused);
  };
  CHECK(refused(Purpose::kCertificate, tests::Build(tests::CaTbs(settings, Now()))));
  CHECK(refused(Purpose::kCertificate,
                tests::Build(tests::SampleTbs(settings, Purpose::kCertificate, Now() - 1h))));
  CHECK(refused(Purpose::kEventsNote, note));
  CHECK(refused(Purpose::kProbe, tbs));
  CHECK(refused(Purpose::kCertificate, Bytes(1 << 20)));
  // One of each was made, and what was refused is none.
  for (const auto& count : custody->State().signatures) {
    const bool made = count.purpose != Purpose::kProbe && count.purpose != Purpose::kEventsNote &&
                      count.purpose != Purpose::kTimestamp;
    CHECK_EQ(count.made, made ? 1 : 0);
    CHECK_EQ(count.excess, 0);
  }
  CHECK_EQ(custody->State().replacements, 0);  // a refusal is no reason to replace a signer
  CHECK(custody->Ready());
}

TEST_CASE("64 threads get their own answers, from both signers") {
  const support::HsmState state({.sessions = 2});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        if (Signs(*custody, std::to_string(i) + "/" + std::to_string(j))) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_EQ(good, 64 * 20);
  const auto state_now = custody->State();
  REQUIRE_EQ(state_now.signers.size(), 3);
  CHECK_GT(state_now.signers[0].signatures, 0);
  CHECK_GT(state_now.signers[1].signatures, 0);
  CHECK_EQ(state_now.operations, 64 * 20 + 2);  // and each signer's own probe
}

TEST_CASE("SignAll answers in order, and one refusal does not spoil the others") {
  const support::HsmState state;
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  std::vector<Bytes> heads;
  for (std::uint64_t i = 0; i < 300; ++i)
    heads.push_back(schema::TreeHeadInput(Now(), i, schema::Hash{}));
  heads[17] = tests::Text("not a tree head");
  const std::vector<schema::BytesView> views(heads.begin(), heads.end());
  const auto got = custody->SignAll(Purpose::kTreeHead, views, Steady::now() + 30s);
  REQUIRE_EQ(got.size(), heads.size());
  for (std::size_t i = 0; i < heads.size(); ++i) {
    CAPTURE(i);
    REQUIRE_EQ(got[i].has_value(), i != 17);
    if (got[i]) CHECK(hsm::VerifyP256(custody->facts().log, heads[i], got[i]->signature.view()));
  }
  CHECK(custody->SignAll(Purpose::kTreeHead, {}, Steady::now() + 1s).empty());
}

// Callers that sign until told to stop, and what they saw.
struct Load {
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, unavailable{0}, wrong{0};
  std::vector<std::thread> threads;

  Load(hsm::Custody& custody, int count) {
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([this, &custody, i] {
        for (int j = 0; !stop; ++j) {
          const Bytes probe = tests::Probe(std::to_string(i) + "/" + std::to_string(j));
          const auto got = custody.Sign(Purpose::kProbe, probe, Steady::now() + 3s);
          if (!got) {
            ++(got.error().Is(hsm::kSignerUnavailable) ? unavailable : wrong);
          } else {
            ++(hsm::VerifyP256(custody.facts().issuing, probe, got->signature.view()) ? good
                                                                                      : wrong);
          }
        }
      });
    }
  }
  void Stop() {
    stop = true;
    for (auto& thread : threads) thread.join();
  }
};

TEST_CASE("kill -9 of signers under load: no wrong answer, and all come back") {
  const support::HsmState state({.sessions = 2});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  Load load(*custody, 8);
  int kills = 0;
  // On a busy machine it takes more kills until so many signers were up to be killed.
  const auto too_few = [&] { return custody->State().replacements < 10 || load.good <= 100; };
  for (; kills < 30 || (too_few() && kills < 1000); ++kills) {
    const auto signers = custody->State().signers;
    const int pid = signers[static_cast<std::size_t>(kills) % 3].pid;
    if (pid > 0) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(40ms);
  }
  load.Stop();
  CHECK_EQ(load.wrong, 0);
  CHECK_GT(load.good, 100);
  CHECK_GE(custody->State().replacements, 10);
  CHECK(tests::Eventually([&] { return custody->Ready(); }));
  CHECK(Signs(*custody, "after"));
  MESSAGE("good ", load.good.load(), ", unavailable ", load.unavailable.load());
}

TEST_CASE("one killed signer of two costs no caller anything") {
  const support::HsmState state({.sessions = 2});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  Load load(*custody, 8);
  for (int i = 0; i < 5; ++i) {
    const int pid = tests::PidOf(*custody, 0);
    ::kill(pid, SIGKILL);
    CHECK(tests::Eventually([&] {
      const auto now = custody->State().signers[0];
      return now.pid > 0 && now.pid != pid;
    }));
  }
  load.Stop();
  CHECK_EQ(load.wrong, 0);
  CHECK_EQ(load.unavailable, 0);
}

TEST_CASE("a signer that dies idle is replaced before anyone asks") {
  const support::HsmState state;
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  const int pid = tests::PidOf(*custody, 0);
  ::kill(pid, SIGKILL);
  CHECK(tests::Eventually([&] {
    const auto now = custody->State().signers[0];
    return now.pid > 0 && now.pid != pid;
  }));
  CHECK_EQ(custody->State().signers[0].run, 2);
  CHECK_EQ(custody->State().replacements, 1);
}

TEST_CASE("a stopped signer is replaced within its deadline, and its request retried") {
  const support::HsmState state({.sign_deadline = "300ms"});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  ::kill(tests::PidOf(*custody, 0), SIGSTOP);
  const auto begin = Steady::now();
  CHECK(Signs(*custody, "hang"));
  const auto took = Steady::now() - begin;
  CHECK_GE(took, 300ms);
  CHECK_LT(took, 2s);
  CHECK_EQ(custody->State().replacements, 1);
}

TEST_CASE("a caller's deadline holds while a signer hangs") {
  const support::HsmState state({.sign_deadline = "3s"});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  ::kill(tests::PidOf(*custody, 0), SIGSTOP);
  const auto begin = Steady::now();
  const auto got = custody->Sign(Purpose::kProbe, tests::Probe("x"), begin + 200ms);
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().Is(hsm::kSignerUnavailable));
  CHECK_LT(Steady::now() - begin, 1s);
}

TEST_CASE("token gone: busy with a reason; token back: signing again") {
  const support::HsmState state({.sessions = 2});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  const auto away = state.directory() / "away";
  std::filesystem::rename(state.token().tokens(), away);
  std::filesystem::create_directory(state.token().tokens());
  CHECK(tests::Eventually([&] { return !Signs(*custody, "gone") && !custody->Ready(); }));
  const auto got = custody->Sign(Purpose::kProbe, tests::Probe("x"), Steady::now() + 5s);
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().Is(hsm::kSignerUnavailable));
  CHECK_NE(custody->State().reason.find("no token matches"), std::string::npos);
  std::filesystem::remove(state.token().tokens());
  std::filesystem::rename(away, state.token().tokens());
  CHECK(tests::Eventually([&] { return custody->Ready(); }));
  CHECK(Signs(*custody, "back"));
  CHECK_EQ(custody->State().reason, "");
}

TEST_CASE("stopping leaves no process behind") {
  const support::HsmState state({.sessions = 2});
  support::MemoryJournal journal;
  auto custody = tests::MustStart(state.Load(), journal);
  const auto signers = custody->State().signers;
  custody.reset();
  for (const auto& signer : signers) CHECK_EQ(::kill(signer.pid, 0), -1);
  CHECK_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

}  // namespace
