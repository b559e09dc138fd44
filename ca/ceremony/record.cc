#include "ca/ceremony/record.h"

#include <algorithm>

#include "ca/ceremony/ca_lint.h"
#include "ca/ceremony/entry.h"
#include "ca/ceremony/making.h"
#include "ca/ceremony/names.h"
#include "ca/ceremony/words.h"
#include "ca/chain.h"
#include "ca/csr.h"
#include "ca/tsa/chain.h"
#include "hsm/digest.h"
#include "hsm/key_rules.h"

namespace ca::ceremony {

using schema::Bytes;
using schema::Hash;
using schema::Json;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadTranscript{
    "transcript-broken", schema::Fault::kUs,
    "the transcript does not prove a ceremony; compare it with the copies of the witnesses"};

namespace {

// Clocks of two machines and of their readers differ; backdate also helps the first leaf.
constexpr std::chrono::hours kEarlier{1};

bool Has(const std::vector<std::string_view>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The attributes that were read back, under the rules of today's signers.
Outcome CheckAttributes(const Json& report) {
  const auto attributes = report.find("attributes");
  if (!report.is_object() || attributes == report.end() || !attributes->is_object()) {
    return Broken("a token's key without attributes");
  }
  const auto read = [&](unsigned long type) -> std::optional<bool> {
    for (const hsm::KeyRule& rule : hsm::KeyRules()) {
      const auto at = attributes->find(rule.name);
      if (rule.type == type && at != attributes->end() && at->is_boolean()) return at->get<bool>();
    }
    return std::nullopt;
  };
  const auto broken = hsm::JudgeKey(read, {}).Broken(false);
  if (!broken.empty()) return Broken("the key's attribute " + broken.front() + " breaks its rule");
  return schema::Ok();
}

Result<CaCertificate> CertificateOf(const Json& entry) {
  TRY(const std::string pem, TextOf(entry, "pem"));
  TRY(CaCertificate certificate, ReadCaCertificatePem(pem));
  if (Pem("CERTIFICATE", certificate.der.view()) + "\n" != pem) return Broken("pem: its form");
  TRY(CheckDigest(entry, certificate.der.view()));
  return certificate;
}

}  // namespace

Bytes SealInput(Json entry) {
  entry.erase("signatures");
  std::string text = "Chancery ceremony seal\n";
  schema::AppendJson(entry, text);
  return schema::ToBytes(schema::AsBytes(text));
}

std::optional<Step> Record::next() const {
  if (sealed_ == kSteps) return std::nullopt;
  return static_cast<Step>(sealed_);
}

const schema::SpkiDer* Record::Key(std::string_view name) const {
  const auto at = keys_.find(name);
  return at == keys_.end() ? nullptr : &at->second;
}

const CaCertificate* Record::Certificate(std::string_view name) const {
  const auto at = certificates_.find(name);
  return at == certificates_.end() ? nullptr : &at->second;
}

schema::Time Record::NotBefore(const Validity& validity) const {
  return validity.from.value_or(now_ - kEarlier);
}

Outcome Record::Take(const Json& entry, const Hash& line) {
  static const std::map<std::string, Taker, std::less<>> kTakers = {
      {"begun", &Record::TakeBegun},         {"confirmed", &Record::TakeConfirmed},
      {"given", &Record::TakeGiven},         {"key", &Record::TakeKey},
      {"requested", &Record::TakeRequested}, {"linted", &Record::TakeLinted},
      {"signed", &Record::TakeSigned},       {"written", &Record::TakeWritten},
      {"sealed", &Record::TakeSealed}};
  TRY(const std::string type, TextOf(entry, "type"));
  const auto taker = kTakers.find(type);
  if (taker == kTakers.end()) return Broken("unknown type " + type);
  if (type != "begun" && !open_) return Broken(type + " outside of a step");
  // Whatever comes after the witnesses' word on the result is not what they confirmed.
  const bool result_confirmed = std::ranges::any_of(
      confirmed_, [](const auto& confirmed) { return confirmed.second == "result"; });
  if (result_confirmed && type != "confirmed" && type != "sealed" && type != "begun") {
    return Broken(type + " after the result was confirmed");
  }
  TRY((this->*taker->second)(entry));
  if (type != "confirmed") result_ = line;
  return schema::Ok();
}

Outcome Record::TakeBegun(const Json& entry) {
  TRY(OnlyMembers(entry,
                  {"step", "plan", "plan_sha256", "program_sha256", "rehearsal", "testing"}));
  TRY(const std::string name, TextOf(entry, "step"));
  const auto step = StepOf(name);
  if (!step || step != next()) return Broken("step '" + name + "' is not the next one");
  TRY(const std::string text, TextOf(entry, "plan"));
  if (!plan_) {
    TRY(plan_, ParsePlan(text, ""));
    TRY(rehearsal_, BoolOf(entry, "rehearsal"));
  }
  TRY(const bool rehearsal, BoolOf(entry, "rehearsal"));
  if (plan_->text != text || rehearsal != rehearsal_) return Broken("another plan than before");
  TRY(const std::string digest, TextOf(entry, "plan_sha256"));
  if (digest != schema::Hex(plan_->digest)) return Broken("plan_sha256 is not that of the plan");
  TRY(TextOf(entry, "program_sha256"));
  TRY(step_testing_, BoolOf(entry, "testing"));
  testing_ |= step_testing_;
  TRY(now_, TimeOf(entry));
  open_ = step;
  in_hand_.clear();
  signed_.clear();
  written_.clear();
  linted_.clear();
  confirmed_.clear();
  return schema::Ok();
}

Outcome Record::TakeConfirmed(const Json& entry) {
  TRY(OnlyMembers(entry, {"witness", "what", "digest", "typed"}));
  TRY(const std::string witness, TextOf(entry, "witness"));
  TRY(const std::string what, TextOf(entry, "what"));
  TRY(const std::string digest, TextOf(entry, "digest"));
  if (std::ranges::find(plan_->witnesses, witness) == plan_->witnesses.end()) {
    return Broken("the plan has no witness " + witness);
  }
  if (what != "plan" && what != "result") return Broken("nobody confirms a '" + what + "'");
  const Hash& wanted = what == "plan" ? plan_->digest : result_;
  if (digest != schema::Hex(wanted)) return Broken(witness + " confirmed another " + what);
  if (!entry.contains("typed")) return Broken("typed is missing");
  if (!(step_testing_ && entry["typed"].is_null())) {
    TRY(const std::string typed, TextOf(entry, "typed"));
    if (typed != FirstWords(wanted)) return Broken(witness + " typed other words");
  }
  confirmed_.emplace(witness, what);
  return schema::Ok();
}

Outcome Record::TakeGiven(const Json& entry) {
  TRY(OnlyMembers(entry, {"certificate", "pem", "sha256", "words"}));
  TRY(const std::string name, TextOf(entry, "certificate"));
  TRY(CaCertificate certificate, CertificateOf(entry));
  const bool root = name == kRoot && !plan_->root.certificate.empty();
  const bool previous = name == kPreviousRoot && plan_->previous_root;
  const bool renewed = name == kRenewed && !plan_->issuing.renews.empty();
  if (!root && !previous && !renewed) return Broken("the plan names no file for " + name);
  if (!certificate.terms.IsCa()) return Broken(name + " is no CA");
  if (!renewed && (!certificate.terms.SelfSigned() ||
                   !hsm::VerifyP256(certificate.terms.spki, certificate.tbs.view(),
                                    certificate.signature.view()))) {
    return Broken(name + " is not signed by itself");
  }
  if (const auto* known = Certificate(name); known != nullptr && known->der != certificate.der) {
    return Broken("another certificate " + name + " than before");
  }
  certificates_.insert_or_assign(name, std::move(certificate));
  return schema::Ok();
}

Outcome Record::TakeKey(const Json& entry) {
  TRY(OnlyMembers(entry, {"key", "made", "spki", "sha256", "words", "custody", "module",
                          "module_sha256", "report"}));
  TRY(const std::string name, TextOf(entry, "key"));
  if (!Has(KeysOf(*open_, *plan_), name)) return Broken("key " + name + " is not of this step");
  TRY(const bool made, BoolOf(entry, "made"));
  TRY(Bytes octets, OctetsOf(entry, "spki"));
  TRY(CheckDigest(entry, octets));
  const schema::SpkiDer spki(std::move(octets));
  const schema::SpkiDer* known = Key(name);
  const CaCertificate* given = Certificate(name == kIssuing ? kRenewed : std::string_view(name));
  if (known == nullptr && given != nullptr) known = &given->terms.spki;
  if (known != nullptr && *known != spki) return Broken("key " + name + " is another than before");
  if (made == (known != nullptr)) return Broken("key " + name + ": whether it was made");
  TRY(const std::string custody, TextOf(entry, "custody"));
  if (custody == "token") {
    TRY(TextOf(entry, "module"));
    TRY(TextOf(entry, "module_sha256"));
    if (!entry.contains("report")) return Broken("a token's key without a report");
    TRY(CheckAttributes(entry["report"]));
  } else if (custody != "file" || (name != kLog && name != kPrecertificate && name != kTimestamp)) {
    return Broken("key " + name + " may not be in custody of '" + custody + "'");
  }
  in_hand_.insert(name);
  keys_.insert_or_assign(name, spki);
  return schema::Ok();
}

Outcome Record::TakeRequested(const Json& entry) {
  TRY(OnlyMembers(entry, {"pem", "sha256"}));
  TRY(const std::string pem, TextOf(entry, "pem"));
  const auto blocks = ParsePem(pem, 1);
  if (!blocks || Pem("CERTIFICATE REQUEST", blocks->front().der) + "\n" != pem) {
    return Broken("not a PEM certification request");
  }
  TRY(CheckDigest(entry, blocks->front().der));
  if (*open_ != Step::kRequestIssuing || !in_hand_.contains(kIssuing)) {
    return Broken("a request without its key");
  }
  const auto csr = ReadCsr(blocks->front().der);
  if (!csr) return Broken("the request: " + csr.error().detail);
  TRY(const Bytes info, RequestInfoOf(*this));
  if (!schema::Equal(csr->signed_bytes, info)) return Broken("not the request that was planned");
  if (!hsm::VerifyP256(*Key(kIssuing), csr->signed_bytes, csr->signature)) {
    return Broken("the request is not signed by its key");
  }
  request_ = pem;
  return schema::Ok();
}

Outcome Record::TakeLinted(const Json& entry) {
  TRY(OnlyMembers(entry, {"certificate", "tbs", "sha256", "rules"}));
  TRY(const std::string name, TextOf(entry, "certificate"));
  TRY(Bytes tbs, OctetsOf(entry, "tbs"));
  TRY(CheckDigest(entry, tbs));
  const auto makings = CertificatesOf(*open_, *plan_);
  const auto making = std::ranges::find(makings, name, &Making::certificate);
  if (making == makings.end()) return Broken("certificate " + name + " is not of this step");
  if (!entry.contains("rules") || entry["rules"] != Json(CaLintRules())) {
    return Broken("other lint rules than this program's");
  }
  TRY(const CaTerms wanted, TermsOf(name, *this));
  const CaCertificate* issuer = making->issuer == name ? nullptr : Certificate(making->issuer);
  const auto linted =
      LintCa(schema::TbsDer(tbs), wanted, issuer == nullptr ? nullptr : &issuer->terms);
  if (!linted) return Broken("certificate " + name + ": " + linted.error().detail);
  linted_.insert_or_assign(name, std::move(tbs));
  return schema::Ok();
}

Outcome Record::TakeSigned(const Json& entry) {
  TRY(OnlyMembers(entry, {"certificate", "pem", "sha256", "words"}));
  TRY(const std::string name, TextOf(entry, "certificate"));
  TRY(CaCertificate certificate, CertificateOf(entry));
  const auto linted = linted_.find(name);
  if (linted == linted_.end() || !schema::Equal(linted->second, certificate.tbs.view())) {
    return Broken("certificate " + name + " is not what was linted");
  }
  const auto makings = CertificatesOf(*open_, *plan_);
  const auto issuer = std::ranges::find(makings, name, &Making::certificate)->issuer;
  if (!in_hand_.contains(issuer)) return Broken("key " + std::string(issuer) + " is not at hand");
  if (!hsm::VerifyP256(*Key(issuer), certificate.tbs.view(), certificate.signature.view())) {
    return Broken("certificate " + name + " is not signed by " + std::string(issuer));
  }
  certificates_.insert_or_assign(name, std::move(certificate));
  signed_.insert(name);
  return schema::Ok();
}

Outcome Record::TakeWritten(const Json& entry) {
  TRY(OnlyMembers(entry, {"file", "sha256"}));
  TRY(const std::string name, TextOf(entry, "file"));
  for (const auto& [file, content] : FilesOf(*open_, *this)) {
    if (file != name) continue;
    TRY(CheckDigest(entry, schema::AsBytes(content)));
    written_.insert(name);
    return schema::Ok();
  }
  return Broken("this step writes no file " + name);
}

Outcome Record::CheckComplete() const {
  for (const Making& making : CertificatesOf(*open_, *plan_)) {
    if (!signed_.contains(making.certificate)) {
      return Broken("certificate " + std::string(making.certificate) + " was not signed");
    }
  }
  for (const std::string_view key : KeysOf(*open_, *plan_)) {
    if (!in_hand_.contains(key)) return Broken("key " + std::string(key) + " was not at hand");
  }
  if (*open_ == Step::kRequestIssuing && request_.empty()) return Broken("nothing was requested");
  for (const auto& [file, content] : FilesOf(*open_, *this)) {
    if (!written_.contains(file)) return Broken("file " + file + " was not written");
  }
  for (const std::string& witness : plan_->witnesses) {
    for (const char* what : {"plan", "result"}) {
      if (!confirmed_.contains({witness, what})) {
        return Broken(witness + " did not confirm the " + what);
      }
    }
  }
  return schema::Ok();
}

// As `serve` will read them; a chain whose time has not come is read as of its beginning.
Outcome Record::CheckChains(schema::Time now) const {
  for (const auto& [file, content] : FilesOf(Step::kFinish, *this)) {
    if (file == "tsa-chain.pem") {
      const auto chain =
          LoadTimestampChain(content, std::max(now, Certificate(kTimestamp)->terms.not_before));
      if (!chain) return Broken(file + ": " + chain.error().detail);
    }
    if (!file.starts_with("chain")) continue;
    const auto chain = LoadChain(content, std::max(now, Certificate(kIssuing)->terms.not_before));
    if (!chain) return Broken(file + ": " + chain.error().detail);
  }
  return schema::Ok();
}

Outcome Record::TakeSealed(const Json& entry) {
  TRY(OnlyMembers(entry, {"step", "signatures"}));
  TRY(const std::string name, TextOf(entry, "step"));
  if (name != StepName(*open_)) return Broken("the seal of another step");
  TRY(CheckComplete());
  TRY(const schema::Time now, TimeOf(entry));
  if (*open_ == Step::kFinish) TRY(CheckChains(now));
  const auto signatures = entry.find("signatures");
  if (signatures == entry.end() || !signatures->is_object() ||
      signatures->size() != in_hand_.size()) {
    return Broken("not one signature for each key of the step");
  }
  const Bytes input = SealInput(entry);
  for (const std::string& key : in_hand_) {
    TRY(const Bytes signature, OctetsOf(*signatures, key));
    if (!hsm::VerifyP256(*Key(key), input, signature)) {
      return Broken("the seal is not signed by key " + key);
    }
  }
  open_.reset();
  ++sealed_;
  confirmed_.clear();
  return schema::Ok();
}

}  // namespace ca::ceremony
