// A witness cosigns what continues a log, remembers it before it says so, and nothing else.
#include "ca/witness/witness.h"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "schema/base/file.h"
#include "tests/ca/log/house.h"
#include "tests/schema/memory_tree.h"
#include "tests/support/software_key.h"

namespace {

using ca::Witness;
using schema::NoteKeyType;
using schema::VerifierKey;
using Verdict = Witness::Verdict;

using support::MakeEd25519;
using support::NoteKeyOf;
using support::SoftwareKey;

// A log of 100 leaves, a fork of it that differs from leaf 50 on, and a witness of it.
struct Bench {
  Bench() {
    for (std::uint64_t n = 0; n < 100; ++n) {
      tree.Append(LeafNumber(n));
      fork.Append(LeafNumber(n < 50 ? n : n + 1000));
    }
  }

  schema::Outcome Open() {
    witness.reset();
    TRY(witness, Witness::Open({"witness.example/w1",
                                state(),
                                {log_key()},
                                std::make_unique<SoftwareKey>(own.get()),
                                clock,
                                journal}));
    return schema::Ok();
  }
  std::filesystem::path state() const { return directory.path() / "witness"; }
  std::filesystem::path file() const { return state() / schema::OriginPath(origin); }
  VerifierKey log_key() const { return NoteKeyOf(origin, log.get(), NoteKeyType::kEd25519); }

  std::string Checkpoint(const MemoryTree& of, std::uint64_t size, EVP_PKEY* by) const {
    const auto root = schema::merkle::Root(size, of.Reader());
    REQUIRE(root);
    const std::string text = schema::CheckpointText(origin, size, *root);
    const VerifierKey key = NoteKeyOf(origin, by, NoteKeyType::kEd25519);
    return text + "\n" +
           schema::SignatureLine(origin, key.Id(),
                                 support::SignWith(by, schema::AsBytes(text)).view());
  }
  std::string Request(const MemoryTree& of, std::uint64_t old, std::uint64_t size) const {
    const auto proof = schema::merkle::ConsistencyProof(std::min(old, size), size, of.Reader());
    REQUIRE(proof);
    return schema::AddCheckpointText(old, *proof, Checkpoint(of, size, log.get()));
  }
  Witness::Answer Ask(std::uint64_t old, std::uint64_t size) {
    return witness->AddCheckpoint(Request(tree, old, size));
  }
  // What it serves is a checkpoint of this size that it and the log signed.
  bool Serves(std::uint64_t size) const {
    const auto text = witness->Latest(schema::OriginPath(origin));
    const auto note = schema::ParseNote(text.value_or(""));
    return note && schema::VerifyNote(*note, log_key()) &&
           schema::VerifyNote(*note, witness->key()) &&
           schema::ParseCheckpointText(note->text)->size == size;
  }

  const std::string origin = "log.example/2026";
  log_test::TempDir directory;
  support::FakeClock clock{support::kNow};
  support::MemoryJournal journal;
  schema::OwnedKey log = MakeEd25519(), own = MakeEd25519();
  MemoryTree tree, fork;
  std::unique_ptr<Witness> witness;
};

TEST_CASE("each verdict of tlog-witness") {
  Bench bench;
  REQUIRE(bench.Open());
  CHECK_FALSE(bench.witness->Latest(schema::OriginPath(bench.origin)));
  CHECK_FALSE(bench.witness->Latest("x"));
  REQUIRE(bench.Ask(0, 60).verdict == Verdict::kCosigned);

  const auto stranger = MakeEd25519();
  const std::string good = bench.Request(bench.tree, 60, 70);
  std::string elsewhere = good;
  elsewhere.replace(elsewhere.find(bench.origin), bench.origin.size(), "log.example/2027");
  const auto root = schema::merkle::Root(70, bench.tree.Reader());
  const struct {
    std::string_view name;
    std::string request;
    Verdict verdict;
    std::string_view body;  // its beginning
  } kCases[] = {
      {"no request", "hello", Verdict::kMalformed, "no line with the old size"},
      {"another origin", elsewhere, Verdict::kUnknownLog, "unknown origin"},
      {"another key",
       schema::AddCheckpointText(60, {}, bench.Checkpoint(bench.tree, 70, stranger.get())),
       Verdict::kUntrusted, "no signature"},
      {"an old size above the checkpoint's",
       schema::AddCheckpointText(71, {}, bench.Checkpoint(bench.tree, 70, bench.log.get())),
       Verdict::kMalformed, "the old size is above"},
      {"a smaller old size", bench.Request(bench.tree, 50, 70), Verdict::kStale, "60\n"},
      {"a larger old size", bench.Request(bench.tree, 65, 70), Verdict::kStale, "60\n"},
      {"a rewound log", bench.Request(bench.tree, 40, 50), Verdict::kStale, "60\n"},
      {"a log begun anew", bench.Request(bench.fork, 0, 10), Verdict::kStale, "60\n"},
      {"a fork", bench.Request(bench.fork, 60, 70), Verdict::kInconsistent, "the consistency"},
      {"a fork of the same size", bench.Request(bench.fork, 60, 60), Verdict::kStale, "60\n"},
      {"no proof",
       schema::AddCheckpointText(60, {}, bench.Checkpoint(bench.tree, 70, bench.log.get())),
       Verdict::kInconsistent, "the consistency proof is too short"},
      {"a proof of the same size",
       schema::AddCheckpointText(60, {*root}, bench.Checkpoint(bench.tree, 60, bench.log.get())),
       Verdict::kInconsistent, "the consistency proof is too long"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto answer = bench.witness->AddCheckpoint(c.request);
    CHECK(answer.verdict == c.verdict);
    CHECK_EQ(answer.body.substr(0, c.body.size()), c.body);
    CHECK(bench.Serves(60));
  }
  CHECK(bench.witness->AddCheckpoint(good).verdict == Verdict::kCosigned);
  CHECK(bench.Serves(70));
}

TEST_CASE("a cosignature is one line of the witness's key, with its time") {
  Bench bench;
  REQUIRE(bench.Open());
  for (const std::uint64_t old : {0U, 60U}) {  // the second time for its time only
    bench.clock.Advance(std::chrono::seconds(old));
    const auto answer = bench.Ask(old, 60);
    REQUIRE(answer.verdict == Verdict::kCosigned);
    const auto note =
        schema::ParseNote(bench.Checkpoint(bench.tree, 60, bench.log.get()).append(answer.body));
    REQUIRE(note);
    REQUIRE_EQ(note->lines.size(), 2);
    const auto line = schema::VerifyNote(*note, bench.witness->key());
    REQUIRE(line);
    CHECK_EQ(schema::ParseCosignature(line->signature)->time, schema::ToSeconds(bench.clock.Now()));
  }
}

TEST_CASE("what it cosigned outlives it") {
  Bench bench;
  REQUIRE(bench.Open());
  REQUIRE(bench.Ask(0, 60).verdict == Verdict::kCosigned);
  REQUIRE(bench.Open());
  CHECK(bench.Serves(60));
  CHECK_EQ(bench.Ask(0, 10).body, "60\n");
  CHECK(bench.Ask(60, 61).verdict == Verdict::kCosigned);
  const auto second = Witness::Open({"witness.example/w2",
                                     bench.state(),
                                     {},
                                     std::make_unique<SoftwareKey>(bench.own.get()),
                                     bench.clock,
                                     bench.journal});
  REQUIRE_FALSE(second);
  CHECK(second.error().Is(ca::kBadState));
}

TEST_CASE("what cannot be remembered is not cosigned") {
  Bench bench;
  REQUIRE(bench.Open());
  REQUIRE(bench.Ask(0, 60).verdict == Verdict::kCosigned);
  // In the way of the new file, also of root's.
  const std::filesystem::path fresh = bench.file().string() + ".new";
  std::filesystem::create_directory(fresh);
  const auto refused = bench.Ask(60, 70);
  CHECK(refused.verdict == Verdict::kUnavailable);
  CHECK_EQ(refused.body.find("\xe2\x80\x94"), std::string::npos);
  CHECK(bench.Serves(60));
  std::filesystem::remove(fresh);
  CHECK(bench.Ask(60, 65).verdict == Verdict::kCosigned);
}

TEST_CASE("a state that is not its own is refused") {
  Bench bench;
  REQUIRE(bench.Open());
  REQUIRE(bench.Ask(0, 60).verdict == Verdict::kCosigned);
  const std::string good = *schema::ReadFile(bench.file());
  const auto stranger = MakeEd25519();
  const struct {
    std::string_view name;
    std::string text;
  } kCases[] = {
      {"empty", ""},
      {"cut", good.substr(0, good.size() - 1)},
      {"a smaller size", std::string(good).replace(good.find("\n60\n"), 4, "\n50\n")},
      {"without its cosignature", bench.Checkpoint(bench.tree, 60, bench.log.get())},
      {"of another log", std::string(good).replace(0, bench.origin.size(), "log.example/2025")},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    bench.witness.reset();
    std::ofstream(bench.file(), std::ios::trunc) << c.text;
    const auto opened = bench.Open();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().Is(ca::kBadWitnessState));
    CHECK_NE(opened.error().detail.find(bench.file().string()), std::string::npos);
  }
  std::ofstream(bench.file(), std::ios::trunc) << good;
  REQUIRE(bench.Open());
  bench.own = MakeEd25519();  // a new key with the old state
  CHECK(bench.Open().error().Is(ca::kBadWitnessState));
}

TEST_CASE("a fork is told to the operator with both notes, a first checkpoint too") {
  Bench bench;
  REQUIRE(bench.Open());
  REQUIRE(bench.Ask(0, 60).verdict == Verdict::kCosigned);
  REQUIRE(bench.witness->AddCheckpoint(bench.Request(bench.fork, 60, 70)).verdict ==
          Verdict::kInconsistent);
  const auto lines = bench.journal.lines();
  REQUIRE_EQ(lines.size(), 2);
  CHECK(lines[0].starts_with("witness-first-checkpoint origin=log.example/2026 size=60"));
  CHECK(lines[1].starts_with("witness-refused-fork"));
  CHECK_NE(lines[1].find("cosigned=log.example/2026\n60\n"), std::string::npos);
  CHECK_NE(lines[1].find("refused=log.example/2026\n70\n"), std::string::npos);
}

TEST_CASE("of requests at once from one size, one is cosigned") {
  Bench bench;
  REQUIRE(bench.Open());
  std::uint64_t old = 0;
  for (int round = 0; round < 10; ++round) {
    std::vector<std::string> requests;
    for (std::uint64_t i = 1; i <= 8; ++i)
      requests.push_back(bench.Request(bench.tree, old, old + i));
    std::atomic<int> cosigned = 0, stale = 0;
    std::vector<std::thread> threads;
    for (const std::string& request : requests) {
      threads.emplace_back([&] {
        const auto verdict = bench.witness->AddCheckpoint(request).verdict;
        if (verdict == Verdict::kCosigned) ++cosigned;
        if (verdict == Verdict::kStale) ++stale;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK_EQ(cosigned, 1);
    CHECK_EQ(stale, 7);
    const auto note = schema::ParseNote(*bench.witness->Latest(schema::OriginPath(bench.origin)));
    REQUIRE(note);
    old = schema::ParseCheckpointText(note->text)->size;
  }
}

}  // namespace
