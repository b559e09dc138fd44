// Checkpoints are published with the quorum's cosignatures or not at all, whatever witnesses do.
#include "ca/log/witnesses.h"

#include <doctest/doctest.h>

#include "ca/log/past.h"
#include "tests/ca/log/house.h"
#include "tests/support/witness_network.h"

namespace {

using ca::LogName;
using log_test::House;
using log_test::WaitFor;
using schema::Json;
using support::FakeNetwork;
using support::WitnessHost;

// A log with three witnesses on a network of their own.
struct Watched {
  explicit Watched(std::size_t quorum, std::size_t count = 3) {
    const hsm::KeyFacts& facts = house.custody.facts();
    const schema::LogSettings& log = house.config.log;
    logs = {{log.certificates.origin, schema::NoteKeyType::kEd25519, facts.certificates_note},
            {log.events.origin, schema::NoteKeyType::kEd25519, facts.events_note}};
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = "w" + std::to_string(i) + ".example";
      hosts.push_back(std::make_unique<WitnessHost>(name, house.directory.path() / name, logs));
      house.watchers.witnesses.push_back(hosts[i]->settings());
      network.Set(hosts[i]->base(), hosts[i]->Host());
    }
    house.watchers.quorum = quorum;
    house.sender = &network;
  }
  ~Watched() {
    network.Release();
    house.Close();
  }

  void Up(std::size_t i) { network.Set(hosts[i]->base(), hosts[i]->Host()); }
  void Down(std::size_t i) { network.Remove(hosts[i]->base()); }
  void Say(std::size_t i, int status, const std::string& body = "") {
    network.Set(hosts[i]->base(), [status, body](const schema::SendRequest&) {
      return schema::Result<schema::SendAnswer>(schema::SendAnswer{status, "", body});
    });
  }

  schema::Note Published(LogName log) {
    const auto head = house.log().reader().LatestTreeHead(log);
    REQUIRE(head);
    auto note = schema::ParseNote(head->checkpoint);
    REQUIRE(note);
    return *std::move(note);
  }
  std::uint64_t PublishedSize() { return house.log().State().published_size; }
  // Cosignatures of the newest published checkpoint.
  std::size_t Cosignatures(LogName log) {
    const schema::Note note = Published(log);
    return static_cast<std::size_t>(std::ranges::count_if(hosts, [&](const auto& host) {
      return schema::VerifyNote(note, host->witness().key()).has_value();
    }));
  }
  // Events of this type that are durable, published or not.
  std::int64_t Count(const std::string& type) {
    return house.Ask(
        "SELECT count(*) FROM entry WHERE id >> 40 = 2 AND CAST(data AS TEXT) LIKE "
        "'%\"type\":\"" +
        type + "\"%'");
  }
  bool Eventually(const std::string& type, std::int64_t count) {
    return WaitFor([&] { return Count(type) == count; });
  }

  House house;
  FakeNetwork network;
  std::vector<schema::VerifierKey> logs;
  std::vector<std::unique_ptr<WitnessHost>> hosts;
};

TEST_CASE("both logs are published with their witnesses' cosignatures") {
  Watched watched(3);
  REQUIRE(watched.house.Open());
  CHECK_EQ(watched.Cosignatures(LogName::kCertificates), 3);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    REQUIRE(watched.house.Issue());
    REQUIRE(watched.house.WaitPublished(i));
    CHECK_EQ(watched.Cosignatures(LogName::kCertificates), 3);
    CHECK_EQ(watched.Cosignatures(LogName::kEvents), 3);
  }
  const ca::LogState state = watched.house.log().State();
  REQUIRE_EQ(state.witnesses.size(), 3);
  CHECK_EQ(state.witnesses[1].name, "w1.example");
  CHECK_EQ(state.witnesses[1].logs[0].cosigned, 3);
  CHECK_EQ(state.witnesses[1].logs[0].trouble, "");
  CHECK_EQ(state.withheld, "");
  CHECK_EQ(log_test::Inspect(watched.house), "");
}

TEST_CASE(
    "below the quorum nothing is published, certificates are issued, and each change is told "
    "once") {
  Watched watched(2);
  REQUIRE(watched.house.Open());
  watched.Down(0);
  REQUIRE(watched.house.Issue());
  REQUIRE(watched.house.WaitPublished(1));         // two of three
  REQUIRE(watched.Eventually("witness-lost", 2));  // with each log
  watched.Down(1);
  REQUIRE(watched.house.Issue());
  REQUIRE(WaitFor([&] { return !watched.house.log().State().withheld.empty(); }));
  REQUIRE(watched.house.Issue());
  REQUIRE(watched.Eventually("checkpoint-withheld", 2));
  CHECK_EQ(watched.PublishedSize(), 1);
  const ca::LogState state = watched.house.log().State();
  CHECK(state.ready);
  CHECK_NE(state.withheld.find("certificates: 1 of 2 cosignatures"), std::string::npos);
  CHECK_NE(state.witnesses[0].logs[0].trouble.find("nobody there"), std::string::npos);
  CHECK_LT(state.witnesses[0].logs[0].cosigned, state.witnesses[0].logs[0].asked);

  watched.Up(0);
  REQUIRE(watched.house.WaitPublished(3));
  REQUIRE(watched.Eventually("checkpoint-witnessed", 2));
  REQUIRE(watched.Eventually("witness-recovered", 2));
  CHECK(WaitFor([&] { return watched.house.log().State().withheld.empty(); }));
  CHECK_EQ(watched.Count("checkpoint-withheld"), 2);
  CHECK_EQ(watched.Count("witness-lost"), 4);
  CHECK_EQ(log_test::Inspect(watched.house), "");
}

TEST_CASE("a start below the quorum serves, and publishes when it can") {
  Watched watched(1, 1);
  watched.Down(0);
  REQUIRE(watched.house.Open());
  REQUIRE(watched.house.Issue());
  CHECK_EQ(watched.PublishedSize(), 0);
  CHECK_FALSE(watched.house.log().reader().LatestTreeHead(LogName::kCertificates));
  watched.Up(0);
  REQUIRE(watched.house.WaitPublished(1));
  CHECK_EQ(watched.Cosignatures(LogName::kCertificates), 1);
}

TEST_CASE("one that hangs delays neither the others nor precertificates") {
  Watched watched(2);
  REQUIRE(watched.house.Open());
  watched.network.Hang(watched.hosts[2]->base());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    REQUIRE(watched.house.Issue());
    REQUIRE(watched.house.WaitPublished(i));
  }
  CHECK_EQ(watched.Cosignatures(LogName::kCertificates), 2);
  watched.network.Hang(watched.hosts[1]->base());
  REQUIRE(watched.house.Issue());
  REQUIRE(WaitFor([&] {
    return watched.house.custody.Count(hsm::Purpose::kPrecertificate) == 4 &&
           watched.house.log().State().precertificates_waiting == 0;
  }));
  CHECK_EQ(watched.PublishedSize(), 3);
}

TEST_CASE("a witness is taken up where it is, not where this run thinks") {
  Watched watched(1, 1);
  REQUIRE(watched.house.Open());
  for (int i = 0; i < 3; ++i) REQUIRE(watched.house.Issue());
  REQUIRE(watched.house.WaitPublished(3));
  REQUIRE(watched.house.Open());  // knows nothing of it
  REQUIRE(watched.house.Issue());
  REQUIRE(watched.house.WaitPublished(4));
  watched.hosts[0]->Start();  // remembers
  REQUIRE(watched.house.Issue());
  REQUIRE(watched.house.WaitPublished(5));
  CHECK_EQ(watched.Count("witness-lost"), 0);
}

TEST_CASE("answers that are no cosignature do not count") {
  const auto stranger = support::MakeEd25519();
  const auto line = [&](const std::string& name, schema::NoteKeyType type) {
    const schema::VerifierKey key = support::NoteKeyOf(name, stranger.get(), type);
    return schema::SignatureLine(name, key.Id(), schema::Bytes(72, 1));
  };
  const struct {
    std::string_view name;
    int status;
    std::string body;
    std::string_view event;
  } kCases[] = {
      {"another key", 200, line("w0.example", schema::NoteKeyType::kCosignature), "witness-lost"},
      {"nothing", 200, "", "witness-lost"},
      {"a page", 200, "<html>\n", "witness-lost"},
      {"an error", 500, "", "witness-lost"},
      {"a redirection", 301, "", "witness-lost"},
      {"a conflict without size", 409, "x\n", "witness-lost"},
      {"a malformed request", 400, "", "witness-refuses"},
      {"an untrusted key", 403, "", "witness-refuses"},
      {"an unknown log", 404, "", "witness-refuses"},
      {"a fork", 422, "", "witness-contradicts"},
      {"a larger tree", 409, "1000000\n", "witness-contradicts"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    Watched watched(1, 1);
    REQUIRE(watched.house.Open());
    watched.Say(0, c.status, c.body);
    REQUIRE(watched.house.Issue());
    CHECK(watched.Eventually(std::string(c.event), 2));
    CHECK(watched.Eventually("checkpoint-withheld", 2));
    CHECK_EQ(watched.PublishedSize(), 0);
    // What is only said does not end publishing for good.
    watched.Up(0);
    CHECK(watched.house.WaitPublished(1));
  }
}

TEST_CASE("one false witness does not stop the quorum") {
  Watched watched(2);
  REQUIRE(watched.house.Open());
  watched.Say(0, 409, "1000000\n");
  REQUIRE(watched.house.Issue());
  REQUIRE(watched.house.WaitPublished(1));
  CHECK(watched.Eventually("witness-contradicts", 2));
  CHECK_EQ(watched.Cosignatures(LogName::kCertificates), 2);
}

// Signed by the log, of a tree that this one is not.
std::string Forged(House& house, std::uint64_t size) {
  const std::string& origin = house.config.log.certificates.origin;
  const std::string text = schema::CheckpointText(origin, size, log_test::HashOf("another root"));
  const auto signature =
      house.custody.Sign(hsm::Purpose::kCertificatesNote, schema::AsBytes(text), {});
  const schema::VerifierKey key{origin, schema::NoteKeyType::kEd25519,
                                house.custody.facts().certificates_note};
  return text + "\n" + schema::SignatureLine(origin, key.Id(), signature->signature.view());
}

TEST_CASE("a witness that proves another tree ends publishing until a restart") {
  Watched watched(2);
  REQUIRE(watched.house.Open());
  const std::string proof = Forged(watched.house, 1);
  watched.network.Set(watched.hosts[0]->base(), [proof](const schema::SendRequest& request) {
    return schema::Result<schema::SendAnswer>(request.method == "GET"
                                                  ? schema::SendAnswer{200, "", proof}
                                                  : schema::SendAnswer{422, "", ""});
  });
  REQUIRE(watched.house.Issue());
  REQUIRE(watched.Eventually("log-contradicted", 1));
  CHECK_NE(watched.house.log().State().withheld.find("log-rolled-back"), std::string::npos);
  watched.Up(0);
  REQUIRE(watched.house.Issue());
  CHECK_EQ(watched.PublishedSize(), 0);
  // The restart looks again.
  REQUIRE(watched.house.Open());
  CHECK(watched.house.WaitPublished(2));
}

// Keeps a copy of the state as it is, and puts it back.
struct Backup {
  explicit Backup(House& house) : house_(house) {
    house_.Close();
    std::filesystem::copy(house_.config.state, copy(), std::filesystem::copy_options::recursive);
  }
  void Restore() {
    house_.Close();
    std::filesystem::remove_all(house_.config.state);
    std::filesystem::copy(copy(), house_.config.state, std::filesystem::copy_options::recursive);
  }
  std::filesystem::path copy() const { return house_.directory.path() / "backup"; }

 private:
  House& house_;
};

TEST_CASE("an older state put back is refused at the start, and left as it is") {
  for (const bool reads : {true, false}) {  // some witnesses serve no checkpoints
    CAPTURE(reads);
    Watched watched(1, 1);
    watched.network.Set(watched.hosts[0]->base(), watched.hosts[0]->Host(reads));
    REQUIRE(watched.house.Open());
    REQUIRE(watched.house.Issue());
    REQUIRE(watched.house.WaitPublished(1));
    Backup backup(watched.house);
    REQUIRE(watched.house.Open());
    REQUIRE(watched.house.Issue());
    REQUIRE(watched.house.WaitPublished(2));
    backup.Restore();
    const std::int64_t entries = watched.house.Ask("SELECT count(*) FROM entry");
    const auto refused = watched.house.Open();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().Is(reads ? ca::kRolledBack : ca::kWitnessContradicts));
    CHECK_NE(refused.error().detail.find("witness w0.example"), std::string::npos);
    CHECK_EQ(watched.house.Ask("SELECT count(*) FROM entry"), entries);
    if (reads) {
      CHECK_NE(refused.error().detail.find("checkpoint of 2 certificates"), std::string::npos);
      CHECK_NE(refused.error().detail.find("here are 1"), std::string::npos);
    }
  }
}

}  // namespace
