// What a module inside a signer can do to the rest of the machine: the faulty module tries it while
// it signs.
#include "hsm/confine.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "schema/base/file.h"
#include "tests/hsm/rig.h"

namespace {

using namespace std::chrono_literals;

constexpr int kAny = -2;  // not refused by us, whatever else comes of it

struct Case {
  const char* attempt;
  int alone;             // errno without hsm.network; 0: it works
  int networked;         // with it
  bool relaxed = false;  // under a sanitizer it is not refused
};

const Case kCases[] = {
    {"thread", 0, 0},
    {"unix socket", 0, 0},
    {"exec", EPERM, EPERM, true},
    {"exec from memory", EPERM, EPERM, true},
    {"fork", EPERM, EPERM, true},
    {"spawn", EPERM, EPERM, true},
    {"ptrace", EPERM, EPERM, true},
    {"read the server", EPERM, EPERM, true},
    {"inet socket", EPERM, 0},
    {"inet6 socket", EPERM, kAny},
    {"wide inet socket", EPERM, EPERM},
    {"netlink socket", EPERM, 0},
    {"packet socket", EPERM, EPERM},
    {"vsock socket", EPERM, EPERM},
    {"io_uring", EPERM, EPERM},
    {"bpf", EPERM, EPERM},
    {"keyctl", EPERM, EPERM},
    {"namespace", EPERM, EPERM},
    {"user namespace", EPERM, EPERM},
    {"mount", EPERM, EPERM},
    {"chroot", EPERM, EPERM},
};

// What the module says came of it. It signs all the same.
int Outcome(const tests::FaultyState& faulty, hsm::Custody& custody, const char* attempt) {
  faulty.Ask("attempt", attempt);
  const auto got =
      custody.Sign(hsm::Purpose::kProbe, tests::Probe("x"), schema::Steady::now() + 20s);
  faulty.Unask("attempt");
  if (!got) FAIL(got.error().Describe());
  return std::stoi(faulty.Read("attempted"));
}

TEST_CASE("a signer starts no program, opens no network and looks into no process") {
  for (const bool network : {false, true}) {
    CAPTURE(network);
    const tests::FaultyState faulty(
        {.sign_deadline = "20s", .hsm = network ? "  network: [hsm.test]\n" : ""});
    support::MemoryJournal journal;
    const auto custody = tests::MustStart(faulty.state().Load(), journal);
    for (const Case& c : kCases) {
      if (c.relaxed && hsm::ConfinementIsRelaxed()) continue;
      CAPTURE(c.attempt);
      const int want = network ? c.networked : c.alone;
      const int outcome = Outcome(faulty, *custody, c.attempt);
      if (want == kAny) {
        CHECK_NE(outcome, EPERM);
      } else {
        CHECK_EQ(outcome, want);
      }
    }
    CHECK_EQ(custody->State().replacements, 0);
  }
}

TEST_CASE("without the network there is none before the module is loaded either") {
  const tests::FaultyState faulty;
  faulty.Ask("attempt-at-start", "inet socket");
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(faulty.state().Load(), journal);
  CHECK_EQ(faulty.Read("attempted"), std::to_string(EPERM));
}

TEST_CASE(
    "a session that is lost is found again by a confined signer, and one with a PIN command "
    "is replaced") {
  const support::TempDirectory elsewhere;
  for (const bool command : {false, true}) {
    CAPTURE(command);
    tests::FaultyState faulty;
    if (command) {
      const auto program = elsewhere.path() / "get-pin";
      support::WriteFile(program, "#!/bin/sh\necho " + faulty.state().token().pin() + "\n", 0700);
      std::string key = faulty.state().Load().ca.keys[0].uri;
      key.replace(key.find("file:pin"), 8, "|" + program.string());
      faulty.Configure({.key = key});
    }
    support::MemoryJournal journal;
    const auto custody = tests::MustStart(faulty.state().Load(), journal);
    faulty.Ask("drop-sessions", "1");
    const auto got =
        custody->Sign(hsm::Purpose::kProbe, tests::Probe("x"), schema::Steady::now() + 20s);
    CHECK(got.has_value());
    CHECK_EQ(custody->State().reopenings, command ? 0 : 1);
    CHECK_EQ(custody->State().replacements, command ? 1 : 0);
  }
}

}  // namespace
