// Tokens that an operator takes out of use and brings back, while signers sign.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "hsm/custody.h"
#include "hsm/drained.h"
#include "hsm/token_use.h"
#include "schema/rotation.h"
#include "tests/hsm/twins.h"

namespace {

using namespace std::chrono_literals;
using hsm::Purpose;
using hsm::TokenStanding;
using schema::Steady;
using tests::Twins;

bool Signs(hsm::Custody& custody, const std::string& tail) {
  return custody.Sign(Purpose::kProbe, tests::Probe(tail), Steady::now() + 20s).has_value();
}

void Say(const schema::Config& config, const std::string& token, bool drained) {
  const auto said = hsm::WriteDrainNote(config.state, token, drained);
  if (!said) FAIL(said.error().Describe());
}

TokenStanding StandingOf(const hsm::Custody& custody, std::string_view twin) {
  return Twins::Of(custody, twin).state.standing;
}

bool Comes(const hsm::Custody& custody, std::string_view twin, TokenStanding standing) {
  return tests::Eventually([&] { return StandingOf(custody, twin) == standing; });
}

}  // namespace

TEST_CASE("notes: whose file says what") {
  const support::TempDirectory state;
  CHECK(hsm::ReadDrainNotes(state.path()).empty());
  CHECK(hsm::ReadDrainNotes(state.path() / "absent").empty());
  CHECK_FALSE(hsm::WriteDrainNote(state.path() / "absent", "left", true));

  REQUIRE(hsm::WriteDrainNote(state.path(), "left", true));
  REQUIRE(hsm::WriteDrainNote(state.path(), "right", false));
  auto notes = hsm::ReadDrainNotes(state.path());
  REQUIRE_EQ(notes.size(), 2);
  CHECK(hsm::IsDrained(notes, "left"));
  CHECK_FALSE(hsm::IsDrained(notes, "right"));
  CHECK_FALSE(hsm::IsDrained(notes, "middle"));
  CHECK_EQ(notes["left"].who, ::getuid());
  CHECK_GT(notes["left"].when.time_since_epoch().count(), 0);
  REQUIRE(hsm::WriteDrainNote(state.path(), "left", false));
  CHECK_FALSE(hsm::IsDrained(hsm::ReadDrainNotes(state.path()), "left"));

  // What is no note of ours drains the token it names, and names none otherwise.
  support::WriteFile(state.path() / "drained" / "touched", "");
  support::WriteFile(state.path() / "drained" / "Not A Name", "drained\n");
  std::filesystem::create_symlink("touched", state.path() / "drained" / "linked");
  notes = hsm::ReadDrainNotes(state.path());
  CHECK(hsm::IsDrained(notes, "touched"));
  CHECK(hsm::IsDrained(notes, "linked"));
  CHECK_EQ(notes.size(), 4);
  // Whatever the umask, the server can read it.
  const mode_t umask = ::umask(077);
  REQUIRE(hsm::WriteDrainNote(state.path(), "left", true));
  ::umask(umask);
  struct stat found {};
  REQUIRE_EQ(::stat((state.path() / "drained" / "left").c_str(), &found), 0);
  CHECK_EQ(found.st_mode & 0777, 0644);
}

TEST_CASE("the last token in use of a key is known") {
  const auto token = [](const char* name) {
    return schema::KeyToken{.name = name, .uri = "pkcs11:token=t", .setting = ""};
  };
  const std::vector<hsm::KeyUse> uses = {{"ca.key", {token("left"), token("right")}},
                                         {"log.certificates.key", {token("left")}}};
  hsm::DrainNotes notes;
  using Keys = std::vector<std::string>;
  CHECK(hsm::KeysThatNeed(uses, "left", notes) == Keys{"log.certificates.key"});
  CHECK(hsm::KeysThatNeed(uses, "right", notes).empty());
  notes["right"] = {true, 0, {}};
  CHECK(hsm::KeysThatNeed(uses, "left", notes) == Keys{"ca.key", "log.certificates.key"});
  notes["right"].drained = false;
  CHECK(hsm::KeysThatNeed(uses, "left", notes) == Keys{"log.certificates.key"});
  CHECK(hsm::KeysThatNeed(uses, "absent", notes).empty());
}

TEST_CASE("a key in a file is in no token") {
  const support::HsmState state;
  const auto uses = hsm::KeyUses(state.Load());
  REQUIRE(uses);
  REQUIRE_EQ(uses->size(), 1);
  CHECK_EQ((*uses)[0].setting, "ca.key");
  CHECK_EQ((*uses)[0].tokens[0].name, schema::kOnlyToken);
}

TEST_CASE("with a rotation each CA that is not retired needs tokens for its own key") {
  const support::HsmState state;
  schema::Config config = state.Load();
  config.ca.rotation = state.directory() / "rotation.yaml";
  const auto settings = [&config] {
    std::vector<std::string> out;
    const auto uses = hsm::KeyUses(config);
    REQUIRE(uses);
    for (const hsm::KeyUse& use : *uses) out.push_back(use.setting);
    return out;
  };
  using Settings = std::vector<std::string>;
  CHECK(settings() == Settings{"key of CA first"});

  schema::Rotation rotation = schema::RotationOf(config);
  schema::RotationCa next = rotation.Active(), old = rotation.Active();
  next.name = "next";
  next.state = schema::CaState::kPrepared;
  next.prepared = schema::Time(std::chrono::hours(24));
  old.name = "old";
  old.state = schema::CaState::kRetired;
  old.retired = schema::Time(std::chrono::hours(24));
  rotation.cas.insert(rotation.cas.end(), {next, old});
  support::WriteFile(config.ca.rotation, schema::FormatRotation(rotation));
  CHECK(settings() == Settings{"key of CA first", "key of CA next"});

  support::WriteFile(config.ca.rotation, "issuing-cas: [");
  CHECK_FALSE(hsm::KeyUses(config));
}

TEST_CASE(
    "a drained token finishes what it has, ends its sessions, and comes back with its checks") {
  const Twins twins({.sessions = 2});
  const schema::Config config = twins.Load();
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(config, journal);
  REQUIRE(Comes(*custody, "left", TokenStanding::kServing));
  REQUIRE(Comes(*custody, "right", TokenStanding::kServing));
  std::atomic<bool> stop{false};
  std::atomic<int> bad{0}, good{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      while (!stop) ++(Signs(*custody, std::to_string(i)) ? good : bad);
    });
  }
  for (int round = 1; round <= 2; ++round) {
    CAPTURE(round);
    std::vector<int> pids;
    for (const auto& signer : custody->State().signers) pids.push_back(signer.pid);
    Say(config, "right", true);
    CHECK(Comes(*custody, "right", TokenStanding::kDrained));
    CHECK(tests::Eventually([&] {
      const hsm::TokenState state = Twins::Of(*custody, "right").state;
      return state.outstanding == 0 && state.signers == 0;
    }));
    const auto signatures = Twins::Of(*custody, "right").signatures;
    const int before = good;
    CHECK(tests::Eventually([&] { return good > before + 20; }));
    CHECK_EQ(Twins::Of(*custody, "right").signatures, signatures);
    CHECK_EQ(StandingOf(*custody, "left"), TokenStanding::kServing);
    // Its processes are gone, those of the other stay.
    CHECK_EQ(std::ranges::count_if(pids, [](int pid) { return ::kill(pid, 0) == 0; }), 3);
    Say(config, "right", false);
    CHECK(Comes(*custody, "right", TokenStanding::kServing));
    CHECK(tests::Eventually([&] {
      return Twins::Of(*custody, "right").state.signers == 2 &&
             Twins::Of(*custody, "right").signatures > signatures;
    }));
    const hsm::TokenState back = Twins::Of(*custody, "right").state;
    REQUIRE(back.note);
    CHECK_EQ(back.note->who, ::getuid());
  }
  stop = true;
  for (auto& caller : callers) caller.join();
  CHECK_EQ(bad, 0);
  CHECK_EQ(custody->State().replacements, 0);
  CHECK_EQ(custody->State().signatures[0].excess, 0);
}

TEST_CASE("a token that was away says what its keys are when it comes back") {
  const Twins twins;
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(twins.Load(), journal);
  REQUIRE(Comes(*custody, "right", TokenStanding::kServing));
  CHECK_EQ(Twins::Of(*custody, "right").state.comebacks, 0);
  twins.Ask("right", "C_Sign", "0x30");
  REQUIRE(tests::Eventually([&] {
    Signs(*custody, "x");
    return StandingOf(*custody, "right") == TokenStanding::kAway;
  }));
  CHECK_GT(Twins::Of(*custody, "right").state.failures, 0);
  twins.Unask("right", "C_Sign");
  REQUIRE(Comes(*custody, "right", TokenStanding::kServing));
  const hsm::TokenState back = Twins::Of(*custody, "right").state;
  CHECK_EQ(back.comebacks, 1);
  REQUIRE_EQ(back.reports.size(), 1);
  CHECK_NE(back.reports[0].find("\"ca.key[1]\""), std::string::npos);
  CHECK_EQ(Twins::Of(*custody, "left").state.comebacks, 0);
}

TEST_CASE("what is drained at the start starts no signer; with the last one nothing starts") {
  const Twins twins;
  const schema::Config config = twins.Load();
  std::filesystem::create_directories(config.state);
  Say(config, "right", true);
  support::MemoryJournal journal;
  {
    const auto custody = tests::MustStart(config, journal);
    CHECK_EQ(StandingOf(*custody, "right"), TokenStanding::kDrained);
    CHECK(Signs(*custody, "one"));
    CHECK_EQ(Twins::Of(*custody, "right").signatures, 0);
    Say(config, "left", true);
    CHECK(tests::Eventually([&] { return !custody->Ready(); }));
    CHECK_EQ(custody->State().reason, "issuing signer: drained by an operator");
    const auto refused = custody->Sign(Purpose::kProbe, tests::Probe("none"), Steady::now() + 20s);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(hsm::kSignerUnavailable));
    Say(config, "right", false);
    CHECK(tests::Eventually([&] { return custody->Ready() && Signs(*custody, "back"); }));
    Say(config, "right", true);
  }
  const auto error = tests::StartError(twins.state());
  CHECK(error.Is(hsm::kTokenDrained));
  CHECK_NE(error.detail.find("chancery hsm undrain"), std::string::npos);
}
