#include "tests/ca/ceremony/stage.h"

#include "ca/ceremony/words.h"
#include "schema/base/file.h"

namespace stage {

using namespace ca::ceremony;  // NOLINT(google-build-using-namespace)

schema::Result<std::optional<std::string>> Witnesses::Confirm(const std::string& witness,
                                                              std::string_view what,
                                                              const schema::Hash& digest) {
  if (what == refuses) return schema::Error{&kNotConfirmed, witness};
  if (silent) return std::optional<std::string>();
  return std::optional(FirstWords(digest));
}

std::string PlanText(const std::string& more) {
  return R"(version: 1
name: A test
witnesses: [Ada, Bob]
root:
  key: "pkcs11:token=offline;object=root?module-path=/unused.so&pin-source=file:none"
  subject: {organization: Example, common-name: Example Root}
  lifetime: 3650d
issuing:
  key: "pkcs11:token=online;object=ca;id=%01?module-path=/unused.so&pin-source=file:none"
  subject: {organization: Example, common-name: Example Issuing CA}
  lifetime: 1000d
log:
  key: "pkcs11:token=online;object=log?module-path=/unused.so&pin-source=file:none"
)" + more;
}

std::string Stage::Ceremony::file(const std::string& name) const {
  const auto text = schema::ReadFile(out / name);
  MUST(text.has_value());
  return *text;
}

std::string Stage::Ceremony::transcript() const { return file("transcript.jsonl"); }

Stage::Stage() : clock(schema::SystemClock().Now()) {
  auto tokens = Rehearsal::Begin(kSoftHsmModule);
  MUST(tokens.has_value());
  tokens_ = *std::move(tokens);
}

Stage::Ceremony Stage::Plan(const std::string& name, const std::string& text) const {
  auto plan = ParsePlan(text, directory());
  if (!plan) std::fprintf(stderr, "%s\n", plan.error().Describe().c_str());
  MUST(plan.has_value());
  std::filesystem::create_directory(directory() / name);
  return {*std::move(plan), directory() / name};
}

schema::Outcome Stage::Hold(Step step, const Ceremony& ceremony) {
  Keys keys(ceremony.plan, tokens_.get(), ceremony.out);
  TRY(Transcript transcript, Transcript::Open(ceremony.out / "transcript.jsonl"));
  return HoldStep(step, {ceremony.plan, transcript, keys, witnesses, clock, ceremony.out,
                         std::string(64, '0'), rehearsal, witnesses.silent,
                         [this](const std::string& line) { said.push_back(line); }});
}

schema::Outcome Stage::HoldAll(const Ceremony& ceremony) {
  for (std::size_t i = 0; i < kSteps; ++i) TRY(Hold(static_cast<Step>(i), ceremony));
  return schema::Ok();
}

}  // namespace stage
