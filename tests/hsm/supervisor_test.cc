// Signers that a supervisor starts: who gets one, what a front that was taken over may try at the
// socket, and what each end's death costs.
#include "hsm/supervisor.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "hsm/confine.h"
#include "hsm/digest.h"
#include "hsm/join.h"
#include "hsm/protocol.h"
#include "hsm/unix_address.h"
#include "tests/hsm/supervised.h"

namespace {

using namespace std::chrono_literals;
using hsm::AnswerCode;
using hsm::Channel;
using hsm::Descriptor;
using hsm::Purpose;
using schema::Bytes;
using schema::Steady;
using support::TempDirectory;
using tests::Eventually;

constexpr auto kPatience = 20s;  // a sanitizer's build on a busy machine

bool Signs(hsm::Custody& custody, std::string_view tail) {
  const Bytes probe = tests::Probe(tail);
  const auto got = custody.Sign(Purpose::kProbe, probe, Steady::now() + 5s);
  return got && hsm::VerifyP256(custody.facts().issuing, probe, got->signature.view());
}

bool Runs(int pid) { return ::kill(pid, 0) == 0; }

// A connection that has asked for nothing yet.
Descriptor Connect(const TempDirectory& place) {
  Descriptor out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = hsm::UnixAddressOf(place.path() / "socket");
  REQUIRE(address.has_value());
  REQUIRE_EQ(::connect(out.get(), address->get(), hsm::UnixAddress::size()), 0);
  return out;
}

// A signer had as the front has it, its hello still to be read.
Descriptor Join(const TempDirectory& place, std::string role) {
  auto got = hsm::Join(place.path() / "socket", {std::move(role)}, Steady::now() + kPatience);
  if (!got) FAIL(got.error().Describe());
  return *std::move(got);
}

// The first frame of what comes, code and text; nothing when the other end closes instead.
struct Said {
  AnswerCode code;
  std::string text;
};
std::optional<Said> Read(const Descriptor& from) {
  hsm::FrameReader reader;
  for (;;) {
    const auto frame = reader.Next();
    REQUIRE(frame.has_value());
    if (*frame) {
      return Said{static_cast<AnswerCode>((*frame)->code),
                  std::string(schema::AsText((*frame)->bytes))};
    }
    const Channel read = hsm::ReadSome(from.get(), -1, reader.buffer(), Steady::now() + kPatience);
    if (read == Channel::kClosed) return std::nullopt;
    REQUIRE(read == Channel::kOk);
  }
}

int PidIn(const Said& hello) {
  const auto decoded = hsm::DecodeHello(schema::AsBytes(hello.text));
  REQUIRE(decoded.has_value());
  return decoded->pid;
}

int ReadyPid(const Descriptor& from) {
  const auto hello = Read(from);
  REQUIRE(hello.has_value());
  if (hello->code != AnswerCode::kHelloReady) FAIL(hello->text);
  return PidIn(*hello);
}

// Whether the other end closes, whatever it says before.
bool Closes(const Descriptor& from) {
  Bytes ignored;
  for (;;) {
    const Channel read = hsm::ReadSome(from.get(), -1, ignored, Steady::now() + kPatience);
    if (read != Channel::kOk) return read == Channel::kClosed;
  }
}

TEST_CASE("signers of a supervisor sign, are replaced when they are killed, and end with custody") {
  const TempDirectory place;
  const support::HsmState state({.sessions = 2, .hsm = tests::SupervisedBy(place)});
  tests::Supervisor supervisor(state, place);
  support::MemoryJournal journal;
  auto custody = tests::MustStart(state.Load(), journal);
  CHECK(Signs(*custody, "first"));
  for (int i = 0; i < 5; ++i) {
    const int pid = tests::PidOf(*custody, 0);
    REQUIRE(pid != supervisor.pid());
    ::kill(pid, SIGKILL);
    CHECK(Signs(*custody, "again"));
    CHECK(Eventually([&] {
      const int now = custody->State().signers[0].pid;
      return now > 0 && now != pid;
    }));
  }
  CHECK_EQ(custody->State().replacements, 5);
  CHECK(supervisor.Says("how=signal 9"));
  const auto signers = custody->State().signers;
  custody.reset();
  for (const auto& signer : signers) {
    CHECK(Eventually([&] { return !Runs(signer.pid); }));
  }
}

TEST_CASE("a supervisor that is killed and started again costs a restart of its signers alone") {
  const TempDirectory place;
  const support::HsmState state({.sessions = 2, .hsm = tests::SupervisedBy(place)});
  tests::Supervisor supervisor(state, place);
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(state.Load(), journal);
  const auto signers = custody->State().signers;
  supervisor.Kill();
  for (const auto& signer : signers) {
    CHECK(Eventually([&] { return !Runs(signer.pid); }));
  }
  CHECK(Eventually([&] { return !custody->Ready(); }));
  CHECK_FALSE(Signs(*custody, "nobody there"));
  CHECK_NE(custody->State().reason.find("hsm.socket: "), std::string::npos);
  supervisor.Start();
  CHECK(Eventually([&] { return custody->Ready(); }));
  CHECK(Signs(*custody, "back"));
}

TEST_CASE("nobody but hsm.front gets a signer, root neither") {
  const TempDirectory place;
  const std::string other = std::to_string(::getuid() + 4242);
  const support::HsmState state({.hsm = tests::SupervisedBy(place, other)});
  const tests::Supervisor supervisor(state, place);
  for (int i = 0; i < 20; ++i) {
    const auto answer = Read(Join(place, "issuing"));
    REQUIRE(answer.has_value());
    CHECK_EQ(answer->code, AnswerCode::kHelloKeyUnusable);
    CHECK_NE(answer->text.find("is not hsm.front"), std::string::npos);
  }
  const std::string refused =
      "peer-refused uid=" + std::to_string(::getuid()) + " pid=" + std::to_string(::getpid()) + " ";
  std::string said = supervisor.Said();
  const auto first = said.find("peer-refused uid=");
  REQUIRE(first != std::string::npos);
  CHECK_EQ(said.find("signer-started"), std::string::npos);
  // Twenty refusals are at most a few lines.
  std::size_t lines = 0;
  for (auto at = first; at != std::string::npos; at = said.find("peer-refused", at + 1)) ++lines;
  CHECK_LE(lines, 10);
  // The error of a server that starts so is the supervisor's.
  const schema::Error error = tests::StartError(state);
  CHECK(error.Is(hsm::kKeyUnusable));
  CHECK_NE(error.detail.find("is not hsm.front"), std::string::npos);
}

TEST_CASE("another user is seen as such by the kernel") {
  if (::getuid() != 0) return;  // only root can be somebody else
  const TempDirectory place;
  const support::HsmState state({.hsm = tests::SupervisedBy(place)});
  const tests::Supervisor supervisor(state, place);
  ::chmod(place.path().c_str(), 0755);
  ::chmod((place.path() / "socket").c_str(), 0666);
  int ends[2];
  REQUIRE_EQ(::pipe(ends), 0);
  const auto address = hsm::UnixAddressOf(place.path() / "socket");
  REQUIRE(address.has_value());
  const pid_t child = ::fork();
  REQUIRE_GE(child, 0);
  if (child == 0) {
    // What is called here is safe after a fork.
    char answer[64] = {};
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::setuid(65534) != 0) ::_exit(1);
    if (::connect(fd, address->get(), hsm::UnixAddress::size()) != 0) ::_exit(2);
    const ssize_t got = ::recv(fd, answer, sizeof answer, 0);
    if (got > 0 && ::write(ends[1], answer, static_cast<std::size_t>(got)) != got) ::_exit(3);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE_EQ(::waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  ::close(ends[1]);
  std::string text(64, '\0');
  const Descriptor end(ends[0]);
  CHECK_GT(::read(end.get(), text.data(), text.size()), 0);
  CHECK(supervisor.Says("peer-refused uid=65534 pid=" + std::to_string(child)));
  CHECK_EQ(supervisor.Said().find("signer-started"), std::string::npos);
}

TEST_CASE("what is no request for a signer is refused") {
  const TempDirectory place;
  const support::HsmState state({.hsm = tests::SupervisedBy(place)});
  const tests::Supervisor supervisor(state, place);
  Bytes other_code, other_role, other_id, none, other_token, no_token;
  hsm::AppendFrame(other_token, 0, hsm::kJoin, schema::AsBytes("issuing ../left"));
  hsm::AppendFrame(no_token, 0, hsm::kJoin, schema::AsBytes("issuing "));
  hsm::AppendFrame(other_code, 0, hsm::kReopen, schema::AsBytes("issuing"));
  hsm::AppendFrame(other_role, 0, hsm::kJoin, schema::AsBytes("issuing --fd 9"));
  hsm::AppendFrame(other_id, 1, hsm::kJoin, schema::AsBytes("issuing"));
  hsm::AppendFrame(none, 0, hsm::kJoin, {});
  const Bytes huge = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, hsm::kJoin};
  const Bytes tiny = {0, 0, 0, 1, 0};
  const Bytes http = schema::ToBytes(schema::AsBytes("GET / HTTP/1.1\r\n\r\n"));
  for (const Bytes& garbage :
       {other_code, other_role, other_id, none, other_token, no_token, huge, tiny, http}) {
    const Descriptor connection = Connect(place);
    REQUIRE(hsm::WriteAll(connection.get(), garbage, Steady::now() + 5s) == Channel::kOk);
    const auto answer = Read(connection);
    REQUIRE(answer.has_value());
    CHECK_EQ(answer->code, AnswerCode::kHelloKeyUnusable);
    CHECK(Closes(connection));
  }
  CHECK_EQ(supervisor.Said().find("signer-started"), std::string::npos);
  // It serves on, and what follows the request is the signer's to read.
  const Descriptor good = Connect(place);
  Bytes out = hsm::EncodeJoin({"issuing"});
  hsm::AppendFrame(out, 7, static_cast<std::uint8_t>(Purpose::kProbe), tests::Probe("x"));
  for (const std::uint8_t octet : out) {
    REQUIRE(hsm::WriteAll(good.get(), schema::BytesView(&octet, 1), Steady::now() + 5s) ==
            Channel::kOk);
  }
  CHECK_GT(ReadyPid(good), 0);
}

TEST_CASE("a connection that is closed ends its signer, and a stopped one is killed") {
  const TempDirectory place;
  const support::HsmState state({.sign_deadline = "300ms", .hsm = tests::SupervisedBy(place)});
  const tests::Supervisor supervisor(state, place);
  Descriptor healthy = Join(place, "issuing");
  const int first = ReadyPid(healthy);
  healthy.Close();
  CHECK(Eventually([&] { return !Runs(first); }));
  CHECK(supervisor.Says("pid=" + std::to_string(first) + " how=exit code 0"));
  Descriptor stopped = Join(place, "log");
  const int second = ReadyPid(stopped);
  ::kill(second, SIGSTOP);
  stopped.Close();
  CHECK(Eventually([&] { return !Runs(second); }));
  CHECK(supervisor.Says("pid=" + std::to_string(second) + " how=signal 9"));
}

TEST_CASE("signers are bounded, however many a front asks for") {
  const TempDirectory place;
  const support::HsmState state({.sessions = 1, .hsm = tests::SupervisedBy(place)});
  const tests::Supervisor supervisor(state, place);
  constexpr std::size_t kBound = 6;  // a session, the log's, four more
  std::vector<Descriptor> held;
  for (std::size_t i = 0; i < kBound; ++i) held.push_back(Join(place, "log"));
  for (const Descriptor& connection : held) CHECK_GT(ReadyPid(connection), 0);
  // Waiting connections count as signers.
  for (int i = 0; i < 3; ++i) {
    const auto answer = Read(Join(place, "log"));
    REQUIRE(answer.has_value());
    CHECK_EQ(answer->code, AnswerCode::kHelloKeyUnusable);
    CHECK_NE(answer->text.find("6 connections already"), std::string::npos);
  }
  held.pop_back();
  std::optional<Said> hello;
  CHECK(Eventually([&] {
    held.push_back(Join(place, "log"));
    hello = Read(held.back());
    const bool ready = hello && hello->code == AnswerCode::kHelloReady;
    if (!ready) held.pop_back();
    return ready;
  }));
}

TEST_CASE("a front that connects and closes without end waits for its turn, and has it") {
  const TempDirectory place;
  const support::HsmState state({.sessions = 1, .hsm = tests::SupervisedBy(place)});
  const tests::Supervisor supervisor(state, place);
  for (int i = 0; i < 60; ++i) Connect(place).Close();  // 48 at once
  CHECK_GT(ReadyPid(Join(place, "log")), 0);
}

TEST_CASE("signers that are started at once try a wrong PIN once between them") {
  const TempDirectory place;
  const tests::FaultyState faulty({.hsm = tests::SupervisedBy(place)});
  support::WriteFile(faulty.state().token().pin_file(), "00000000\n", 0400);
  const tests::Supervisor supervisor(faulty.state(), place);
  const int before = faulty.Calls("C_Login");
  std::vector<Descriptor> held;
  for (int i = 0; i < 5; ++i) held.push_back(Join(place, "issuing"));
  int refused = 0;
  for (const Descriptor& connection : held) {
    const auto answer = Read(connection);
    REQUIRE(answer.has_value());
    CAPTURE(answer->text);
    refused += answer->code == AnswerCode::kHelloPinRefused ? 1 : 0;
    // While one process writes to SoftHSM's files that a PIN was wrong, others may not find a
    // token.
    CHECK_NE(answer->code, AnswerCode::kHelloReady);
  }
  CHECK_GE(refused, 1);
  CHECK_EQ(faulty.Calls("C_Login"), before + 1);
  CHECK(supervisor.Says("pin-refused role=issuing"));
  // Nor does the next server, by whichever way.
  CHECK(tests::StartError(faulty.state()).Is(hsm::kPinRefused));
  CHECK_EQ(faulty.Calls("C_Login"), before + 1);
}

TEST_CASE("a signer of a supervisor is confined like any other") {
  const TempDirectory place;
  const tests::FaultyState faulty({.sign_deadline = "20s", .hsm = tests::SupervisedBy(place)});
  const tests::Supervisor supervisor(faulty.state(), place);
  support::MemoryJournal journal;
  const auto custody = tests::MustStart(faulty.state().Load(), journal);
  for (const std::string attempt : {"inet socket", "bpf", "mount", "exec", "read the server"}) {
    const bool relaxed = attempt == "exec" || attempt == "read the server";
    if (relaxed && hsm::ConfinementIsRelaxed()) continue;
    CAPTURE(attempt);
    faulty.Ask("attempt", attempt);
    CHECK(Signs(*custody, "attempts"));
    faulty.Unask("attempt");
    CHECK_EQ(faulty.Read("attempted"), std::to_string(EPERM));
  }
}

TEST_CASE("SIGTERM: what was asked is answered, then all end") {
  const TempDirectory place;
  const tests::FaultyState faulty({.hsm = tests::SupervisedBy(place)});
  tests::Supervisor supervisor(faulty.state(), place);
  const Descriptor connection = Join(place, "issuing");
  const int pid = ReadyPid(connection);
  faulty.Ask("latency", "300");
  Bytes out;
  hsm::AppendFrame(out, 7, static_cast<std::uint8_t>(Purpose::kProbe), tests::Probe("x"));
  REQUIRE(hsm::WriteAll(connection.get(), out, Steady::now() + 5s) == Channel::kOk);
  CHECK_EQ(supervisor.Stop(), 0);
  const auto answer = Read(connection);
  REQUIRE(answer.has_value());
  CHECK_EQ(answer->code, AnswerCode::kSigned);
  CHECK(Closes(connection));
  CHECK_FALSE(Runs(pid));
  CHECK_FALSE(std::filesystem::exists(place.path() / "socket"));
}

// Its socket's other end is the front's, which lives on.
TEST_CASE("a signer whose supervisor died before it looked ends at once") {
  const support::HsmState state;
  const std::string start = tests::SignerProgram().string() + " signer --config " +
                            state.config_file().string() +
                            " --role log --fd 0 </dev/null 2>/dev/null --parent ";
  CHECK_EQ(std::system((start + "2147483647").c_str()), 0);
  // With a parent it goes on, until it finds that /dev/null is no socket.
  CHECK_NE(std::system((start + "$$ & wait $!").c_str()), 0);
}

TEST_CASE("two supervisors do not share a socket, nor take the place of a file") {
  const TempDirectory place;
  const support::HsmState state({.hsm = tests::SupervisedBy(place)});
  const tests::Supervisor supervisor(state, place);
  const auto listens = [&](const char* name) {
    return hsm::ListenForFront(place.path() / name).has_value();
  };
  CHECK_FALSE(listens("socket"));
  support::WriteFile(place.path() / "file", "no socket");
  CHECK_FALSE(listens("file"));
  CHECK(std::filesystem::exists(place.path() / "file"));
  CHECK_FALSE(listens("missing/socket"));
  CHECK(listens("new"));
}

TEST_CASE("users by name and by number") {
  const auto root = hsm::UserOf("root");
  REQUIRE(root.has_value());
  CHECK_EQ(*root, 0);
  const auto number = hsm::UserOf("4242");
  REQUIRE(number.has_value());
  CHECK_EQ(*number, 4242);
  const auto nobody = hsm::UserOf("no-such-user-here");
  REQUIRE_FALSE(nobody.has_value());
  CHECK_NE(nobody.error().detail.find("hsm.front: no user 'no-such-user-here'"), std::string::npos);
}

}  // namespace
