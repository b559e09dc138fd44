// What the HSM does wrong, through a module that does it on command, and what makes a start fail.
#include <doctest/doctest.h>
#include <signal.h>

#include <thread>

#include "hsm/digest.h"
#include "tests/hsm/rig.h"
#include "tests/support/test_ca.h"

namespace {

using namespace std::chrono_literals;
using hsm::Purpose;
using schema::Steady;
using tests::FaultyState;
using tests::StartError;

schema::Result<hsm::Signed> Ask(hsm::Custody& custody) {
  return custody.Sign(Purpose::kProbe, tests::Probe("fault"), Steady::now() + 5s);
}

bool Mentions(const schema::Error& error, std::string_view text) {
  CAPTURE(error.detail);
  CHECK_NE(error.detail.find(text), std::string::npos);
  return error.detail.find(text) != std::string::npos;
}

TEST_CASE("a wrong PIN is tried once, by however many signers") {
  const FaultyState faulty({.sessions = 3, .log_key_in_token = true});
  support::WriteFile(faulty.state().token().pin_file(), "wrong\n", 0400);
  const schema::Error error = StartError(faulty.state());
  CHECK(error.Is(hsm::kPinRefused));
  CHECK_EQ(error.detail.find("wrong"), std::string::npos);
  CHECK_EQ(faulty.Calls("C_Login"), 1);
}

TEST_CASE("a PIN that becomes wrong is tried once more in all, and the right one heals") {
  const FaultyState faulty({.sessions = 2, .log_key_in_token = true});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(faulty.state().Load(), journal);
  CHECK_EQ(faulty.Calls("C_Login"), 3);
  const support::SoftHsm& token = faulty.state().token();
  support::WriteFile(token.pin_file(), "wrong\n", 0400);
  for (std::size_t i = 0; i < 3; ++i) ::kill(tests::PidOf(*custody, i), SIGKILL);
  CHECK(tests::Eventually([&] {
    const auto state = custody->State();
    return !state.issuing_ready && !state.log_ready &&
           state.reason.find("PIN") != std::string::npos;
  }));
  std::this_thread::sleep_for(1500ms);  // longer than two looks at the file
  CHECK_EQ(faulty.Calls("C_Login"), 4);
  const auto got = Ask(*custody);
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().Is(hsm::kSignerUnavailable));
  support::WriteFile(token.pin_file(), token.pin() + "\n", 0400);
  CHECK(tests::Eventually([&] { return custody->Ready(); }));
  CHECK(Ask(*custody).has_value());
}

TEST_CASE("no login when the token says that one try is left or none") {
  for (const char* flag : {"0x20000", "0x40000"}) {  // CKF_USER_PIN_FINAL_TRY, _LOCKED
    CAPTURE(flag);
    const FaultyState faulty;
    faulty.Ask("token-flags", flag);
    const schema::Error error = StartError(faulty.state());
    CHECK(error.Is(hsm::kKeyUnusable));
    CHECK(Mentions(error, "the token says"));
    CHECK_EQ(faulty.Calls("C_Login"), 0);
  }
}

TEST_CASE("a device error at login is no wrong PIN") {
  const FaultyState faulty;
  faulty.Ask("C_Login", "0x30");
  CHECK(StartError(faulty.state()).Is(hsm::kKeyUnusable));
}

TEST_CASE("device errors: busy while they last, signing after") {
  const FaultyState faulty({.sessions = 2});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(faulty.state().Load(), journal);
  for (const char* fault : {"C_Sign", "crash"}) {
    CAPTURE(fault);
    faulty.Ask(fault, "0x30");
    const auto got = Ask(*custody);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().Is(hsm::kSignerUnavailable));
    CHECK(tests::Eventually([&] { return !custody->Ready(); }));
    faulty.Unask(fault);
    CHECK(tests::Eventually([&] { return custody->Ready(); }));
    CHECK(tests::Eventually([&] { return Ask(*custody).has_value(); }));
  }
}

TEST_CASE("a module that hangs is killed") {
  const FaultyState faulty({.sign_deadline = "1s"});
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(faulty.state().Load(), journal);
  faulty.Ask("hang");
  std::thread mend([&] {
    std::this_thread::sleep_for(100ms);
    faulty.Unask("hang");
  });
  CHECK(Ask(*custody).has_value());  // a hang shorter than the deadline is only slow
  mend.join();
  CHECK_EQ(custody->State().replacements, 0);
  const int pid = tests::PidOf(*custody, 0);
  ::kill(pid, SIGSTOP);
  CHECK(Ask(*custody).has_value());
  CHECK_EQ(custody->State().replacements, 1);
}

TEST_CASE("a slow device: what cannot be reached in time is turned away at once") {
  const FaultyState faulty;
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(faulty.state().Load(), journal);
  faulty.Ask("latency", "20");
  for (int i = 0; i < 5; ++i) CHECK(Ask(*custody).has_value());  // it learns: 20 ms each
  std::atomic<int> good{0}, turned_away{0}, late{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 60; ++i) {
    threads.emplace_back([&] {
      const auto begin = Steady::now();
      const auto got = custody->Sign(Purpose::kProbe, tests::Probe("s"), begin + 400ms);
      ++(got ? good : turned_away);
      if (Steady::now() - begin > 600ms) ++late;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_GE(good, 5);
  CHECK_GE(turned_away, 20);
  CHECK_EQ(late, 0);
}

TEST_CASE("a key whose signatures do not verify is refused at the start") {
  const FaultyState faulty;
  faulty.Ask("wrong-signature");
  CHECK(Mentions(StartError(faulty.state()), "does not belong"));
}

TEST_CASE("starts that are refused say which setting and why") {
  const support::HsmState state;
  const auto refuse = [&](const char* want, const support::StateOptions& options) {
    CAPTURE(want);
    state.Configure(options);
    const schema::Error error = StartError(state);
    CHECK(error.Is(hsm::kKeyUnusable));
    CHECK(Mentions(error, want));
    state.Configure({});
  };
  const std::string module = "?module-path=" + std::string(support::kSoftHsmModule);
  const std::string pin = "&pin-source=file:pin";
  refuse("ca.key: token: no token matches", {.key = "pkcs11:token=other;object=ca" + module + pin});
  refuse("ca.key: token: no token matches",
         {.key = "pkcs11:token=chancery;serial=00;object=ca" + module + pin});
  refuse("no private key", {.key = "pkcs11:token=chancery;object=other" + module + pin});
  refuse("no private key", {.key = "pkcs11:token=chancery;object=ca;id=%09" + module + pin});
  refuse("without a login", {.key = "pkcs11:token=chancery;object=ca" + module});
  refuse("ca.key: module: module /nonexistent.so: /nonexistent.so: cannot open",
         {.module = "/nonexistent.so"});
  refuse("absent: No such file",
         {.key = "pkcs11:token=chancery;object=ca" + module + "&pin-source=file:absent"});

  const auto after = [&](const char* want, const std::function<void()>& spoil) {
    CAPTURE(want);
    spoil();
    CHECK(Mentions(StartError(state), want));
  };
  after("ca.key: key: more than one private key", [&] {
    state.token().MakeKeyPair("ca", "07", "--key-type EC:prime256v1 --usage-sign --sensitive");
  });
  state.Configure({.key = "pkcs11:token=chancery;object=ca;id=%07" + module + pin,
                   .ca = "  waive-key-attributes: [CKA_DECRYPT, CKA_UNWRAP]\n"});
  CHECK(Mentions(StartError(state), "ca.chain: the public key"));
  state.Configure({.key = "pkcs11:token=chancery;id=%01" + module + pin});
  after("log.events.note-key",
        [&] { std::filesystem::remove(state.directory() / "events-note.key"); });
  after("log.certificates.key", [&] {
    std::filesystem::permissions(state.directory() / "log.key", std::filesystem::perms(0444));
  });
  after("ca.chain", [&] { support::WriteFile(state.directory() / "chain.pem", "no PEM"); });
}

TEST_CASE("a key without its public key object is refused") {
  const support::HsmState state;
  state.token().DeletePublicKey("ca");
  CHECK(Mentions(StartError(state), "no public key object"));
}

TEST_CASE("an open PIN file is not read") {
  const FaultyState faulty;
  std::filesystem::permissions(faulty.state().token().pin_file(), std::filesystem::perms(0440));
  CHECK(Mentions(StartError(faulty.state()), "open to group"));
  CHECK_EQ(faulty.Calls("C_Login"), 0);
}

TEST_CASE("a program that is no signer") {
  const support::HsmState state;
  support::MemoryJournal journal;
  for (const char* program : {"/bin/true", "/bin/cat", "/nonexistent"}) {
    CAPTURE(program);
    CHECK_FALSE(hsm::Custody::Start(state.Load(), program, journal).has_value());
  }
}

}  // namespace
