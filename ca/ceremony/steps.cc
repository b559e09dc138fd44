#include "ca/ceremony/steps.h"

#include "ca/ceremony/ca_lint.h"
#include "ca/ceremony/entry.h"
#include "ca/ceremony/making.h"
#include "ca/ceremony/names.h"
#include "ca/ceremony/text.h"
#include "ca/ceremony/words.h"
#include "schema/base/base64.h"
#include "schema/base/file.h"

namespace ca::ceremony {

using schema::Bytes;
using schema::Json;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kCannotHold{"ceremony-cannot-be-held", schema::Fault::kUs,
                                    "this step of the ceremony cannot be held like this"};

namespace {

schema::Error CannotHold(std::string why) { return {&kCannotHold, std::move(why)}; }

class Holding {
 public:
  Holding(Step step, const Hall& hall) : step_(step), hall_(hall) {}

  Outcome Hold() {
    TRY(CheckNext());
    TRY(CheckFiles());
    TRY(Begin());
    TRY(Confirm("plan", hall_.plan.digest));
    TRY(Give());
    for (const std::string_view key : KeysOf(step_, hall_.plan)) TRY(TakeInHand(key));
    if (step_ == Step::kRequestIssuing) TRY(Request());
    for (const Making& making : CertificatesOf(step_, hall_.plan)) TRY(Certify(making));
    TRY(WriteFiles());
    TRY(Confirm("result", record().result()));
    return Seal();
  }

 private:
  const Record& record() const { return hall_.transcript.record(); }

  Outcome Append(std::string_view type, Json members) {
    return hall_.transcript.Append(type, std::move(members), schema::ToSeconds(hall_.clock.Now()));
  }

  Outcome CheckNext() const {
    if (!record().next()) return CannotHold("every step of this transcript is sealed");
    if (record().next() != step_) {
      return CannotHold("the next step is " + std::string(StepName(*record().next())));
    }
    const Plan* before = record().plan();
    if (before == nullptr) return schema::Ok();
    if (before->text != hall_.plan.text) return CannotHold("the transcript is of another plan");
    if (record().rehearsal() != hall_.rehearsal) {
      return CannotHold(hall_.rehearsal ? "the transcript is of no rehearsal"
                                        : "the transcript is of a rehearsal");
    }
    return schema::Ok();
  }

  // What was carried here has to be what the transcript says.
  Outcome CheckFiles() const {
    for (std::size_t i = 0; i < static_cast<std::size_t>(step_); ++i) {
      for (const auto& [name, content] : FilesOf(static_cast<Step>(i), record())) {
        TRY(const std::string found, schema::ReadFile(hall_.out / name));
        if (found == content) continue;
        return CannotHold((hall_.out / name).string() + " is not as the transcript has it");
      }
    }
    return schema::Ok();
  }

  Outcome Begin() {
    hall_.say("step " + std::string(StepName(step_)));
    return Append("begun", {{"step", StepName(step_)},
                            {"plan", hall_.plan.text},
                            {"plan_sha256", schema::Hex(hall_.plan.digest)},
                            {"program_sha256", hall_.program_sha256},
                            {"rehearsal", hall_.rehearsal},
                            {"testing", hall_.testing}});
  }

  Outcome Confirm(std::string_view what, schema::Hash digest) {
    for (const std::string& witness : hall_.plan.witnesses) {
      TRY(const auto typed, hall_.witnesses.Confirm(witness, what, digest));
      TRY(Append("confirmed", {{"witness", witness},
                               {"what", what},
                               {"digest", schema::Hex(digest)},
                               {"typed", typed ? Json(*typed) : Json()}}));
    }
    return schema::Ok();
  }

  // Certificates that were there before: the root's in the step of its key, the renewed one's in
  // that of the issuing key.
  Outcome Give() {
    const Plan& plan = hall_.plan;
    if (step_ == Step::kMakeRoot) {
      if (!plan.root.certificate.empty()) TRY(GiveFile(kRoot, plan.root.certificate));
      if (plan.previous_root) TRY(GiveFile(kPreviousRoot, plan.previous_root->certificate));
    }
    if (step_ == Step::kRequestIssuing && !plan.issuing.renews.empty()) {
      TRY(GiveFile(kRenewed, plan.issuing.renews));
    }
    return schema::Ok();
  }

  Outcome GiveFile(std::string_view name, const std::filesystem::path& file) {
    TRY(const std::string text, schema::ReadFile(file));
    auto certificate = ReadCaCertificatePem(text);
    if (!certificate) {
      return schema::Error{certificate.error().kind,
                           file.string() + ": " + certificate.error().detail};
    }
    if (hall_.rehearsal && HasKey(name)) {
      TRY(*certificate, StandIn(name == kRenewed ? kIssuing : name, certificate->terms));
    }
    return Append("given", Describe(name, *certificate));
  }

  bool HasKey(std::string_view certificate) const {
    return certificate != kPreviousRoot || !hall_.plan.previous_root->key.empty();
  }

  // The keys of certificates that are there are in no rehearsal's token: the same words over a new
  // key, signed by itself.
  Result<CaCertificate> StandIn(std::string_view key, CaTerms terms) {
    TRY(const Json made, hall_.keys.Make(key));
    TRY(Bytes spki, OctetsOf(made, "spki"));
    const bool self_signed = terms.SelfSigned();
    terms.spki = schema::SpkiDer(std::move(spki));
    terms.key_id = KeyIdOfSpki(terms.spki);
    if (self_signed) terms.issuer_key_id = terms.key_id;
    TRY(const Serial serial, RandomSerial());
    const schema::TbsDer tbs = WriteCaTbs(terms, serial);
    TRY(const schema::Signature signature, hall_.keys.Sign(key, tbs.view()));
    return ReadCaCertificate(Assemble(tbs.view(), signature).view());
  }

  static Json Describe(std::string_view name, const CaCertificate& certificate) {
    const schema::Hash digest = schema::Sha256(certificate.der.view());
    return {{"certificate", name},
            {"pem", Pem("CERTIFICATE", certificate.der.view()) + "\n"},
            {"sha256", schema::Hex(digest)},
            {"words", Words(digest)}};
  }

  bool IsThere(std::string_view key) const {
    return record().Key(key) != nullptr ||
           record().Certificate(key == kIssuing ? kRenewed : key) != nullptr;
  }

  Outcome TakeInHand(std::string_view key) {
    const bool there = IsThere(key);
    hall_.say((there ? "opening key " : "making key ") + std::string(key));
    TRY(Json members, there ? hall_.keys.Open(key) : hall_.keys.Make(key));
    return Append("key", std::move(members));
  }

  Outcome Request() {
    TRY(const Bytes info, RequestInfoOf(record()));
    TRY(const schema::Signature signature, hall_.keys.Sign(kIssuing, info));
    // CertificationRequest and Certificate have one shape (RFC 2986 4.2).
    const schema::CertDer request = Assemble(info, signature);
    return Append("requested", {{"pem", Pem("CERTIFICATE REQUEST", request.view()) + "\n"},
                                {"sha256", schema::Hex(schema::Sha256(request.view()))}});
  }

  Outcome Certify(const Making& making) {
    const std::string name(making.certificate);
    TRY(const CaTerms terms, TermsOf(name, record()));
    TRY(const Serial serial, RandomSerial());
    const CaCertificate* issuer =
        making.issuer == name ? nullptr : record().Certificate(making.issuer);
    TRY(const LintedCa linted,
        LintCa(WriteCaTbs(terms, serial), terms, issuer == nullptr ? nullptr : &issuer->terms));
    hall_.say("certificate " + name + " passed the lint; signing with key " +
              std::string(making.issuer));
    TRY(Append("linted", {{"certificate", name},
                          {"tbs", schema::Base64(linted.tbs())},
                          {"sha256", schema::Hex(schema::Sha256(linted.tbs()))},
                          {"rules", CaLintRules()}}));
    TRY(const schema::Signature signature, hall_.keys.Sign(making.issuer, linted.tbs()));
    TRY(const CaCertificate certificate,
        ReadCaCertificate(Assemble(linted.tbs(), signature).view()));
    return Append("signed", Describe(name, certificate));
  }

  Outcome WriteFiles() {
    for (const auto& [name, content] : FilesOf(step_, record())) {
      TRY(schema::ReplaceFile(hall_.out / name, content));
      TRY(Append("written", {{"file", name},
                             {"sha256", schema::Hex(schema::Sha256(schema::AsBytes(content)))}}));
      hall_.say("wrote " + (hall_.out / name).string());
    }
    return schema::Ok();
  }

  Outcome Seal() {
    const schema::Time now = schema::ToSeconds(hall_.clock.Now());
    Json members = {{"step", StepName(step_)}};
    const Bytes input = SealInput(hall_.transcript.Draft("sealed", members, now));
    Json signatures = Json::object();
    for (const std::string_view key : KeysOf(step_, hall_.plan)) {
      TRY(const schema::Signature signature, hall_.keys.Sign(key, input));
      signatures[std::string(key)] = schema::Base64(signature.view());
    }
    members["signatures"] = std::move(signatures);
    TRY(hall_.transcript.Append("sealed", std::move(members), now));
    TRY(schema::ReplaceFile(hall_.out / "transcript.txt", PrintableText(hall_.transcript.text())));
    hall_.say("sealed step " + std::string(StepName(step_)));
    return schema::Ok();
  }

  const Step step_;
  const Hall& hall_;
};

}  // namespace

Outcome HoldStep(Step step, const Hall& hall) { return Holding(step, hall).Hold(); }

}  // namespace ca::ceremony
