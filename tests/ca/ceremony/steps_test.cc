#include "ca/ceremony/steps.h"

#include <doctest/doctest.h>

#include "ca/ceremony/names.h"
#include "ca/ceremony/text.h"
#include "ca/chain.h"
#include "ca/tsa/chain.h"
#include "tests/ca/ceremony/stage.h"

namespace {

using namespace ca::ceremony;  // NOLINT(google-build-using-namespace)
using stage::PlanText;
using stage::Stage;

Record Read(const Stage::Ceremony& ceremony) {
  auto record = ReadTranscript(ceremony.transcript());
  if (!record) FAIL(record.error().Describe());
  return *std::move(record);
}

void CheckFails(const schema::Outcome& outcome, const schema::ErrorKind& kind,
                std::string_view why) {
  REQUIRE_FALSE(outcome);
  CAPTURE(outcome.error().Describe());
  CHECK(outcome.error().Is(kind));
  CHECK_NE(outcome.error().detail.find(why), std::string::npos);
}

TEST_CASE("a ceremony ends with a chain that serve accepts and a transcript that proves it") {
  Stage stage;
  const auto ceremony = stage.Plan("first", PlanText());
  const auto held = stage.HoldAll(ceremony);
  if (!held) FAIL(held.error().Describe());
  const Record record = Read(ceremony);
  CHECK_FALSE(record.next());
  CHECK_FALSE(record.testing());
  const auto chain =
      ca::LoadChain(ceremony.file("chain.pem"), schema::ToSeconds(stage.clock.Now()));
  if (!chain) FAIL(chain.error().Describe());
  CHECK_EQ(chain->common_name, "Example Issuing CA");
  CHECK(chain->spki == *record.Key(kIssuing));
  CHECK_EQ(record.Certificate(kIssuing)->terms.path_length, 0);
  CHECK_EQ(ceremony.file("transcript.txt"), PrintableText(ceremony.transcript()));
  CHECK_EQ(ceremony.file("chain.pem"), ceremony.file("issuing.pem") + ceremony.file("root.pem"));
  CheckFails(stage.Hold(Step::kFinish, ceremony), kCannotHold, "every step");
}

TEST_CASE("steps are held in their order, with the same plan, on files as they were") {
  Stage stage;
  const auto ceremony = stage.Plan("first", PlanText());
  CheckFails(stage.Hold(Step::kRequestIssuing, ceremony), kCannotHold, "the next step is root");
  REQUIRE(stage.Hold(Step::kMakeRoot, ceremony));
  CHECK_EQ(Read(ceremony).next(), Step::kRequestIssuing);
  auto other = ceremony;
  other.plan = stage.Plan("other", PlanText("# another\n")).plan;
  CheckFails(stage.Hold(Step::kRequestIssuing, other), kCannotHold, "another plan");
  REQUIRE(stage.Hold(Step::kRequestIssuing, ceremony));
  const std::string request = ceremony.file("issuing.csr");
  support::WriteFile(ceremony.out / "issuing.csr", request + "\n");
  CheckFails(stage.Hold(Step::kSignIssuing, ceremony), kCannotHold, "issuing.csr is not as");
  support::WriteFile(ceremony.out / "issuing.csr", request);
  CHECK(stage.Hold(Step::kSignIssuing, ceremony));
}

TEST_CASE("an interrupted step is held again, with the keys that it made") {
  Stage stage;
  const auto ceremony = stage.Plan("first", PlanText());
  REQUIRE(stage.Hold(Step::kMakeRoot, ceremony));
  stage.witnesses.refuses = "result";
  CheckFails(stage.Hold(Step::kRequestIssuing, ceremony), kNotConfirmed, "Ada");
  const schema::SpkiDer made = *Read(ceremony).Key(kIssuing);
  CHECK_EQ(Read(ceremony).open(), Step::kRequestIssuing);
  stage.witnesses.refuses.clear();
  REQUIRE(stage.Hold(Step::kRequestIssuing, ceremony));
  CHECK(*Read(ceremony).Key(kIssuing) == made);
  REQUIRE(stage.Hold(Step::kSignIssuing, ceremony));
  CHECK(stage.Hold(Step::kFinish, ceremony));
}

TEST_CASE("nothing is made when a witness does not confirm the plan") {
  Stage stage;
  const auto ceremony = stage.Plan("first", PlanText());
  stage.witnesses.refuses = "plan";
  CheckFails(stage.Hold(Step::kMakeRoot, ceremony), kNotConfirmed, "Ada");
  CHECK_EQ(Read(ceremony).Key(kRoot), nullptr);
}

TEST_CASE("a key that is there already is never taken for a new one") {
  Stage stage;
  REQUIRE(stage.Hold(Step::kMakeRoot, stage.Plan("first", PlanText())));
  const auto again = stage.Hold(Step::kMakeRoot, stage.Plan("second", PlanText()));
  REQUIRE_FALSE(again);
  CHECK_NE(again.error().detail.find("root.key: key: the token has a private key"),
           std::string::npos);
}

TEST_CASE("without witnesses the transcript says that it was a test") {
  Stage stage;
  stage.witnesses.silent = true;
  const auto ceremony = stage.Plan("first", PlanText());
  REQUIRE(stage.Hold(Step::kMakeRoot, ceremony));
  CHECK(Read(ceremony).testing());
  CHECK_NE(ceremony.file("transcript.txt").find("A TEST"), std::string::npos);
}

constexpr const char* kPrecertificatePlan = R"(precertificate:
  key: "file:precertificate.key"
  subject: {organization: Example, common-name: Example Precertificates}
  lifetime: 1000d
)";

TEST_CASE("a Precertificate Signing Certificate stands under the issuing CA") {
  Stage stage;
  const auto ceremony = stage.Plan("first", PlanText(kPrecertificatePlan));
  const auto held = stage.HoldAll(ceremony);
  if (!held) FAIL(held.error().Describe());
  const Record record = Read(ceremony);
  const CaTerms& terms = record.Certificate(kPrecertificate)->terms;
  CHECK(terms.purpose == Purpose::kPrecertificates);
  CHECK_EQ(terms.path_length, 0);
  CHECK_EQ(record.Certificate(kIssuing)->terms.path_length, 1);
  CHECK(terms.issuer == record.Certificate(kIssuing)->terms.subject);
  // Planned to last as long, and begun later.
  CHECK(terms.not_after == record.Certificate(kIssuing)->terms.not_after);
  CHECK_EQ(ceremony.file("precertificate-chain.pem").find(ceremony.file("issuing.pem")),
           ceremony.file("precertificate-chain.pem").size() - ceremony.file("chain.pem").size());
}

TEST_CASE("a timestamp authority stands under the root, and serve takes its chain") {
  Stage stage;
  const auto ceremony = stage.Plan("first", PlanText(R"(timestamp:
  key: "file:tsa.key"
  subject: {organization: Example, common-name: Example Timestamps}
  lifetime: 1000d
)"));
  const auto held = stage.HoldAll(ceremony);
  if (!held) FAIL(held.error().Describe());
  const Record record = Read(ceremony);
  const CaTerms& terms = record.Certificate(kTimestamp)->terms;
  CHECK_FALSE(terms.IsCa());
  CHECK(terms.issuer == record.Certificate(kRoot)->terms.subject);
  CHECK_EQ(record.Certificate(kIssuing)->terms.path_length, 0);
  CHECK_EQ(ceremony.file("tsa-chain.pem"),
           ceremony.file("timestamp.pem") + ceremony.file("root.pem"));
  const auto chain = ca::LoadTimestampChain(ceremony.file("tsa-chain.pem"), terms.not_before);
  if (!chain) FAIL(chain.error().Describe());
  CHECK(chain->spki == *record.Key(kTimestamp));
}

// The second ceremony of an installation: a new root, cross-certificates, the issuing key renewed.
std::string RenewalText(const std::string& first) {
  return R"(version: 1
name: A renewal
witnesses: [Ada]
root:
  key: "pkcs11:token=offline;object=root-2?module-path=/unused.so&pin-source=file:none"
  subject: {organization: Example, common-name: Example Root 2}
  lifetime: 3650d
previous-root:
  certificate: )" +
         first + R"(/root.pem
  key: "pkcs11:token=offline;object=root?module-path=/unused.so&pin-source=file:none"
  lifetime: 2000d
issuing:
  key: "pkcs11:token=online;object=ca;id=%01?module-path=/unused.so&pin-source=file:none"
  renews: )" +
         first + R"(/issuing.pem
  lifetime: 1500d
)";
}

TEST_CASE("a renewal keeps key and name, and both roots lead to it") {
  Stage stage;
  const auto first = stage.Plan("first", PlanText());
  REQUIRE(stage.HoldAll(first));
  stage.clock.Advance(std::chrono::hours{24});
  const auto second = stage.Plan("second", RenewalText(first.out.string()));
  const auto held = stage.HoldAll(second);
  if (!held) FAIL(held.error().Describe());
  const schema::Time now = schema::ToSeconds(stage.clock.Now());
  const auto before = ca::LoadChain(first.file("chain.pem"), now);
  const auto after = ca::LoadChain(second.file("chain.pem"), now);
  const auto by_old = ca::LoadChain(second.file("chain-previous-root.pem"), now);
  REQUIRE(before);
  REQUIRE(after);
  REQUIRE(by_old);
  CHECK(after->spki == before->spki);
  CHECK(after->subject == before->subject);
  CHECK(after->key_id == before->key_id);
  CHECK(after->certificates[1] != before->certificates[1]);
  CHECK(by_old->certificates.back() == before->certificates.back());
  // What the old root signed, for those who trust only the new one.
  const auto by_new = ca::LoadChain(
      first.file("issuing.pem") + second.file("old-with-new.pem") + second.file("root.pem"), now);
  if (!by_new) FAIL(by_new.error().Describe());
}

TEST_CASE("a renewal is rehearsed with stand-ins for the keys that are there") {
  std::string text;
  support::TempDirectory files;
  {
    Stage stage;
    const auto first = stage.Plan("first", PlanText());
    REQUIRE(stage.HoldAll(first));
    for (const char* name : {"root.pem", "issuing.pem"}) {
      support::WriteFile(files.path() / name, first.file(name));
    }
    text = RenewalText(files.path().string());
  }
  Stage stage;
  stage.rehearsal = true;
  const auto ceremony = stage.Plan("rehearsal", text);
  const auto held = stage.HoldAll(ceremony);
  if (!held) FAIL(held.error().Describe());
  CHECK(Read(ceremony).rehearsal());
  CHECK_NE(ceremony.file("transcript.txt").find("A REHEARSAL"), std::string::npos);
}

TEST_CASE("an existing root signs a new issuing CA; its key has to be the certificate's") {
  Stage stage;
  const auto first = stage.Plan("first", PlanText());
  REQUIRE(stage.HoldAll(first));
  std::string text = PlanText();
  const auto replace = [&text](const std::string& what, const std::string& with) {
    text.replace(text.find(what), what.size(), with);
  };
  replace("  subject: {organization: Example, common-name: Example Root}\n  lifetime: 3650d\n",
          "  certificate: first/root.pem\n");
  replace("object=ca;id=%01", "object=ca-2");
  replace("object=log", "object=log-2");
  const auto second = stage.Plan("second", text);
  const auto held = stage.HoldAll(second);
  if (!held) FAIL(held.error().Describe());
  CHECK_EQ(second.file("root.pem"), first.file("root.pem"));
  replace("object=root", "object=ca");
  replace("token=offline", "token=online");
  const auto third = stage.Plan("third", text);
  CheckFails(stage.Hold(Step::kMakeRoot, third), kBadTranscript, "key root is another than before");
}

}  // namespace
