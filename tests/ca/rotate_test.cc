// The steps of a rotation, and what the events log is told of them.
#include "ca/rotate.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "ca/ca_changes.h"
#include "ca/pem.h"
#include "schema/base/file.h"
#include "tests/support/test_ca.h"

namespace {

using schema::CaState;
using std::chrono::hours;
using std::chrono::minutes;
using support::kNow;

schema::Rotation First() {
  schema::RotationCa first;
  first.name = "first";
  first.chain = "first.pem";
  first.keys = {{"default", "pkcs11:object=first", "ca.key", 0, 1}};
  return {{first}};
}

schema::RotationCa Fresh(const std::string& name) {
  schema::RotationCa ca;
  ca.name = name;
  ca.chain = name + ".pem";
  ca.keys = {{"default", "pkcs11:object=" + name, "ca.key", 0, 1}};
  return ca;
}

std::string Detail(const schema::Outcome& outcome) { return outcome ? "" : outcome.error().detail; }

TEST_CASE("prepared, active after its lead time, the one before retired after its lifetime") {
  schema::Rotation rotation = First();
  REQUIRE(ca::Prepare(rotation, Fresh("next"), kNow));
  CHECK_EQ(rotation.Active().name, "first");

  const auto early = ca::Activate(rotation, "next", hours(24), "", kNow + hours(23));
  CHECK_NE(Detail(early).find(schema::Rfc3339(kNow + hours(24))), std::string::npos);
  CHECK_EQ(rotation.Active().name, "first");
  REQUIRE(ca::Activate(rotation, "next", hours(24), "", kNow + hours(24)));
  CHECK_EQ(rotation.Active().name, "next");
  CHECK_EQ(rotation.Find("first")->state, CaState::kReplaced);

  const auto soon = ca::Retire(rotation, "first", minutes(10), kNow + hours(24) + minutes(9));
  CHECK_NE(Detail(soon).find("valid until"), std::string::npos);
  REQUIRE(ca::Retire(rotation, "first", minutes(10), kNow + hours(24) + minutes(10)));
  CHECK_EQ(rotation.Find("first")->state, CaState::kRetired);
  CHECK(schema::ParseRotation(schema::FormatRotation(rotation)));
}

TEST_CASE("a reason stands for the lead time, and a replaced CA comes back without either") {
  schema::Rotation rotation = First();
  REQUIRE(ca::Prepare(rotation, Fresh("next"), kNow));
  REQUIRE(ca::Activate(rotation, "next", hours(24), "SEC-17", kNow));
  CHECK_EQ(rotation.Active().reason, "SEC-17");
  REQUIRE(ca::Activate(rotation, "first", hours(24), "", kNow + minutes(1)));
  CHECK_EQ(rotation.Active().name, "first");
  CHECK_FALSE(rotation.Active().replaced);
}

TEST_CASE("steps that may not be taken") {
  schema::Rotation rotation = First();
  REQUIRE(ca::Prepare(rotation, Fresh("next"), kNow));
  CHECK_NE(Detail(ca::Prepare(rotation, Fresh("next"), kNow)).find("already"), std::string::npos);
  CHECK_FALSE(ca::Prepare(rotation, Fresh("Next"), kNow));
  CHECK_FALSE(ca::Activate(rotation, "first", hours(0), "", kNow));
  CHECK_FALSE(ca::Activate(rotation, "none", hours(0), "", kNow));
  CHECK_FALSE(ca::Retire(rotation, "first", minutes(1), kNow));
  REQUIRE(ca::Retire(rotation, "next", minutes(1), kNow));  // never used
  CHECK_FALSE(ca::Retire(rotation, "next", minutes(1), kNow));
  CHECK_FALSE(ca::Activate(rotation, "next", hours(0), "because", kNow));
  CHECK_EQ(rotation.Active().name, "first");
}

// Chains in files, under subjects of their own.
class Files {
 public:
  Files() {
    std::string name = (std::filesystem::temp_directory_path() / "chancery-rotate-XXXXXX").string();
    MUST(mkdtemp(name.data()) != nullptr);
    config.directory = name;
    config.ca.lifetime = minutes(10);
    config.ca.lead = hours(24);
  }
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(config.directory, ignored);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  void Write(const std::string& name, const std::string& common_name) {
    Write(name, common_name, support::MakeKey("P-256"));
  }
  void Write(const std::string& name, const std::string& common_name, schema::OwnedKey key) {
    support::CertificateSpec root_spec;
    root_spec.common_name = "Root";
    const auto root_key = support::MakeKey("P-256");
    const auto root = support::MakeCertificate(root_spec, root_key.get());
    support::CertificateSpec spec;
    spec.common_name = common_name;
    spec.extended_key_usage = "codeSigning";
    const support::Issuer issuer{root.get(), root_key.get()};
    const auto issuing = support::MakeCertificate(spec, key.get(), &issuer);
    MUST(schema::ReplaceFile(config.directory / (name + ".pem"),
                             support::PemOf(issuing.get()) + support::PemOf(root.get())));
  }
  schema::Result<ca::IssuingCas> Load(const schema::Rotation& rotation,
                                      schema::Time now = kNow) const {
    return ca::IssuingCas::Load(config, rotation, now);
  }

  schema::Config config{};
};

TEST_CASE("CAs that clients or signers could not tell apart do not live side by side") {
  Files files;
  files.Write("first", "CA 1");
  files.Write("next", "CA 2");
  files.Write("namesake", "CA 1");
  schema::Rotation rotation = First();
  REQUIRE(ca::Prepare(rotation, Fresh("next"), kNow));
  const auto two = files.Load(rotation);
  REQUIRE_MESSAGE(two, (two ? "" : two.error().Describe()));
  CHECK_EQ(two->active().terms.name, "first");
  const auto& next = *two->all()[1];
  CHECK_EQ(two->Find(next.chain.key_hash), &next);
  CHECK_EQ(two->Find(schema::Hash{}), nullptr);

  schema::Rotation same = First();
  same.cas.push_back(Fresh("twin"));
  same.cas[1].chain = "first.pem";
  same.cas[1].state = CaState::kPrepared;
  const auto twin = files.Load(same);
  REQUIRE_FALSE(twin);
  CHECK_NE(twin.error().detail.find("has the key of CA first"), std::string::npos);
  same.cas[1].chain = "namesake.pem";
  const auto namesake = files.Load(same);
  REQUIRE_FALSE(namesake);
  CHECK_NE(namesake.error().detail.find("has the subject of CA first"), std::string::npos);
  same.cas[1].chain = "nowhere.pem";
  CHECK_FALSE(files.Load(same));
}

TEST_CASE(
    "an active chain has to be valid now, a retired one when it was used; its window closes") {
  Files files;
  files.Write("first", "CA 1");
  files.Write("next", "CA 2");
  const schema::Time later = kNow + hours(24 * 400);
  schema::Rotation rotation = First();
  CHECK_FALSE(files.Load(rotation, later));
  REQUIRE(ca::Prepare(rotation, Fresh("next"), kNow));
  REQUIRE(ca::Activate(rotation, "next", hours(0), "", kNow));
  REQUIRE(ca::Retire(rotation, "first", minutes(10), kNow + minutes(30)));
  CHECK_FALSE(files.Load(rotation, later));  // that of `next` is over, too
  const auto cas = files.Load(rotation);
  REQUIRE_MESSAGE(cas, (cas ? "" : cas.error().Describe()));
  CHECK_EQ(cas->all()[0]->until, std::optional(kNow + minutes(30)));
  CHECK_EQ(cas->active().until, std::nullopt);
  files.Write("next", "CA 2");
}

TEST_CASE("the plan says what may be done, and when") {
  Files files;
  files.Write("first", "CA 1");
  files.Write("next", "CA 2");
  schema::Rotation rotation = First();
  const auto next = [&](schema::Time now) {
    const auto cas = files.Load(rotation);
    MUST(cas);
    return ca::PlanOf(*cas, {}, files.config, now)["next"].dump();
  };
  CHECK_NE(next(kNow).find("rotate prepare NAME"), std::string::npos);
  REQUIRE(ca::Prepare(rotation, Fresh("next"), kNow));
  CHECK_EQ(next(kNow),
           "[\"chancery rotate activate next: from " + schema::Rfc3339(kNow + hours(24)) + "\"]");
  CHECK_EQ(next(kNow + hours(24)), R"(["chancery rotate activate next: now"])");
  REQUIRE(ca::Activate(rotation, "next", hours(0), "", kNow));
  CHECK_NE(next(kNow).find("rotate retire first: from " + schema::Rfc3339(kNow + minutes(10))),
           std::string::npos);
}

TEST_CASE("the next shard of the log is in the plan until it is opened") {
  Files files;
  files.Write("first", "CA 1");
  const auto key = support::MakeKey("P-256");
  MUST(schema::ReplaceFile(files.config.directory / "log.pub",
                           ca::Pem("PUBLIC KEY", support::SpkiOf(key.get()).view())));
  schema::Rotation rotation = First();
  REQUIRE(ca::PrepareShard(rotation, "2027", "log.pub", kNow));
  const auto cas = files.Load(rotation);
  REQUIRE_MESSAGE(cas, (cas ? "" : cas.error().Describe()));
  CHECK_EQ(cas->next_shard()->log_key, support::SpkiOf(key.get()));
  ca::ShardRow written;
  written.id = 1;
  written.name = "2026";
  const auto plan = [&](std::vector<ca::ShardRow> shards) {
    std::string out;
    const schema::Json whole = ca::PlanOf(*cas, shards, files.config, kNow);
    for (const auto& shard : whole["shards"]) {
      out += shard["name"].get<std::string>() + " " + shard["state"].get<std::string>() + "; ";
    }
    return out + whole["next"].back().get<std::string>();
  };
  CHECK_EQ(plan({written}),
           "2026 written; 2027 prepared; open log shard 2027 by log.certificates "
           "and a reload: from " +
               schema::Rfc3339(kNow + hours(24)));
  ca::ShardRow next = written;
  next.id = 3;
  next.name = "2027";
  CHECK(plan({written, next}).starts_with("2026 closed; 2027 written; chancery rotate prepare"));

  files.Write("other", "CA 2");
  rotation.next_shard->key = "other.pem";
  CHECK_FALSE(files.Load(rotation));
  rotation.next_shard->key = "nowhere.pub";
  CHECK_FALSE(files.Load(rotation));
}

std::string Types(const schema::Result<std::vector<ca::CaChange>>& changes) {
  if (!changes) return changes.error().detail;
  std::string out;
  for (const ca::CaChange& change : *changes) {
    out += change.event["type"].get<std::string>() + " " + change.event["ca"].get<std::string>();
    out += change.basis.ca.empty() ? "; " : "!; ";
  }
  return out;
}

// What the store holds after these.
void Tell(std::vector<ca::IssuingCaRow>& told,
          const schema::Result<std::vector<ca::CaChange>>& changes) {
  MUST(changes);
  for (const ca::CaChange& change : *changes) {
    for (const ca::IssuingCaRow& row : change.rows) {
      std::erase_if(told, [&](const auto& old) { return old.key_hash == row.key_hash; });
      told.push_back(row);
    }
  }
}

TEST_CASE("each step is told once, however many were taken meanwhile") {
  Files files;
  files.Write("first", "CA 1");
  files.Write("next", "CA 2");
  schema::Rotation rotation = First();
  std::vector<ca::IssuingCaRow> told;
  const auto changes = [&] {
    const auto cas = files.Load(rotation);
    MUST(cas);
    return ca::ChangesTo(*cas, told);
  };
  CHECK_EQ(Types(changes()), "ca-activated first!; ");
  Tell(told, changes());
  CHECK_EQ(Types(changes()), "");
  REQUIRE(ca::Prepare(rotation, Fresh("next"), kNow));
  CHECK_EQ(Types(changes()), "ca-prepared next; ");
  REQUIRE(ca::Activate(rotation, "next", hours(0), "", kNow));
  REQUIRE(ca::Retire(rotation, "first", minutes(0), kNow));
  CHECK_EQ(Types(changes()), "ca-activated next!; ca-retired first; ");
  Tell(told, changes());
  CHECK_EQ(Types(changes()), "");

  rotation.Find("first")->state = CaState::kReplaced;
  CHECK_NE(Types(changes()).find("was retired"), std::string::npos);
  rotation.cas.erase(rotation.cas.begin());
  CHECK_NE(Types(changes()).find("CA first is missing"), std::string::npos);
}

}  // namespace
