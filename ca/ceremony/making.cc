#include "ca/ceremony/making.h"

#include <algorithm>

#include "ca/ceremony/names.h"
#include "schema/base/der.h"

namespace ca::ceremony {

using schema::Bytes;
using schema::Error;
using schema::Result;
namespace der = schema::der;

namespace {

Error Lacking(std::string_view what) {
  return Error{&kBadTranscript, std::string(what) + " is not there yet"};
}

Result<const CaCertificate*> Need(const Record& record, std::string_view certificate) {
  const CaCertificate* found = record.Certificate(certificate);
  if (found == nullptr) return Lacking("certificate " + std::string(certificate));
  return found;
}

// A subject and its key, before anybody certifies them.
Result<CaTerms> Fresh(const Record& record, std::string_view key, const Subject& subject) {
  const schema::SpkiDer* spki = record.Key(key);
  if (spki == nullptr) return Lacking("key " + std::string(key));
  CaTerms terms;
  terms.subject = WriteName(subject.organization, subject.common_name);
  terms.spki = *spki;
  terms.key_id = KeyIdOfSpki(*spki);
  return terms;
}

Result<CaTerms> IssuingSubject(const Record& record) {
  if (record.plan()->issuing.renews.empty()) {
    return Fresh(record, kIssuing, record.plan()->issuing.subject);
  }
  TRY(const CaCertificate* renewed, Need(record, kRenewed));
  return renewed->terms;
}

CaTerms Valid(CaTerms terms, const Record& record, const Validity& validity) {
  terms.not_before = record.NotBefore(validity);
  terms.not_after = terms.not_before + validity.lifetime - std::chrono::seconds{1};
  return terms;
}

Result<CaTerms> IssuedBy(CaTerms terms, const Record& record, std::string_view issuer) {
  TRY(const CaCertificate* above, Need(record, issuer));
  terms.issuer = above->terms.subject;
  terms.issuer_key_id = above->terms.key_id;
  return terms;
}

Result<CaTerms> RootTerms(const Record& record) {
  TRY(CaTerms terms, Fresh(record, kRoot, record.plan()->root.subject));
  terms.issuer = terms.subject;
  terms.issuer_key_id = terms.key_id;
  return Valid(std::move(terms), record, record.plan()->root.validity);
}

// The other root's subject, key and constraints under a new issuer.
Result<CaTerms> CrossTerms(const Record& record, std::string_view certified,
                           std::string_view issuer) {
  TRY(const CaCertificate* base, Need(record, certified));
  return IssuedBy(Valid(base->terms, record, record.plan()->previous_root->validity), record,
                  issuer);
}

// Path length 1 leaves room for the Precertificate Signing Certificate, and for nothing else.
Result<CaTerms> IssuingTerms(const Record& record) {
  TRY(CaTerms terms, IssuingSubject(record));
  if (record.plan()->precertificate) {
    terms.path_length = std::uint8_t{1};
  } else if (record.plan()->issuing.renews.empty()) {
    terms.path_length = std::uint8_t{0};
  }
  terms.purpose = Purpose::kCodeSigning;
  return IssuedBy(Valid(std::move(terms), record, record.plan()->issuing.validity), record, kRoot);
}

Result<CaTerms> PrecertificateTerms(const Record& record) {
  const CertifiedPlan& plan = *record.plan()->precertificate;
  TRY(CaTerms terms, Fresh(record, kPrecertificate, plan.subject));
  terms.path_length = std::uint8_t{0};
  terms.purpose = Purpose::kPrecertificates;
  TRY(terms, IssuedBy(Valid(std::move(terms), record, plan.validity), record, kIssuing));
  // Its step begins after its issuer's: planned to last as long, it would outlive it by the time
  // between them.
  if (plan.validity.lifetime <= record.plan()->issuing.validity.lifetime) {
    TRY(const CaCertificate* issuing, Need(record, kIssuing));
    terms.not_after = std::min(terms.not_after, issuing->terms.not_after);
  }
  return terms;
}

Result<CaTerms> TimestampTerms(const Record& record) {
  const CertifiedPlan& plan = *record.plan()->timestamp;
  TRY(CaTerms terms, Fresh(record, kTimestamp, plan.subject));
  terms.purpose = Purpose::kTimestamps;
  return IssuedBy(Valid(std::move(terms), record, plan.validity), record, kRoot);
}

// A PEM text of these certificates; empty when one of them is not there.
std::string PemOf(const Record& record, std::initializer_list<std::string_view> certificates) {
  std::string out;
  for (const std::string_view name : certificates) {
    const CaCertificate* certificate = record.Certificate(name);
    if (certificate == nullptr) return "";
    out += Pem("CERTIFICATE", certificate->der.view()) + "\n";
  }
  return out;
}

}  // namespace

std::vector<Making> CertificatesOf(Step step, const Plan& plan) {
  std::vector<Making> all;
  switch (step) {
    case Step::kMakeRoot:
      if (plan.root.certificate.empty()) all.push_back({kRoot, kRoot});
      if (plan.previous_root) all.push_back({kOldWithNew, kRoot});
      if (plan.previous_root && !plan.previous_root->key.empty()) {
        all.push_back({kNewWithOld, kPreviousRoot});
      }
      break;
    case Step::kRequestIssuing:
      break;
    case Step::kSignIssuing:
      all.push_back({kIssuing, kRoot});
      if (plan.timestamp) all.push_back({kTimestamp, kRoot});
      break;
    case Step::kFinish:
      if (plan.precertificate) all.push_back({kPrecertificate, kIssuing});
      break;
  }
  return all;
}

std::vector<std::string_view> KeysOf(Step step, const Plan& plan) {
  std::vector<std::string_view> all;
  switch (step) {
    case Step::kMakeRoot:
      all.push_back(kRoot);
      if (plan.previous_root && !plan.previous_root->key.empty()) all.push_back(kPreviousRoot);
      break;
    case Step::kRequestIssuing:
    case Step::kFinish:
      all.push_back(kIssuing);
      if (plan.log) all.push_back(kLog);
      if (plan.precertificate) all.push_back(kPrecertificate);
      if (plan.timestamp) all.push_back(kTimestamp);
      break;
    case Step::kSignIssuing:
      all.push_back(kRoot);
      break;
  }
  return all;
}

Result<CaTerms> TermsOf(std::string_view certificate, const Record& record) {
  if (certificate == kRoot) return RootTerms(record);
  if (certificate == kOldWithNew) return CrossTerms(record, kPreviousRoot, kRoot);
  if (certificate == kNewWithOld) return CrossTerms(record, kRoot, kPreviousRoot);
  if (certificate == kIssuing) return IssuingTerms(record);
  if (certificate == kTimestamp) return TimestampTerms(record);
  if (certificate == kPrecertificate) return PrecertificateTerms(record);
  return Error{&kBadTranscript, "no certificate is called that"};
}

// Version 0, subject, key, no attributes.
Result<Bytes> RequestInfoOf(const Record& record) {
  TRY(const CaTerms terms, IssuingSubject(record));
  der::Writer out;
  const std::size_t info = out.Begin(der::kSequence);
  out.SmallInteger(0);
  out.Raw(terms.subject.view());
  out.Raw(terms.spki.view());
  out.Value(der::ContextConstructed(0), {});
  out.End(info);
  return std::move(out).Take();
}

std::vector<std::pair<std::string, std::string>> FilesOf(Step step, const Record& record) {
  const schema::SpkiDer* log = record.Key(kLog);
  std::vector<std::pair<std::string, std::string>> files;
  const auto add = [&files](const char* name, std::string content) {
    if (!content.empty()) files.emplace_back(name, std::move(content));
  };
  switch (step) {
    case Step::kMakeRoot:
      add("root.pem", PemOf(record, {kRoot}));
      add("old-with-new.pem", PemOf(record, {kOldWithNew}));
      add("new-with-old.pem", PemOf(record, {kNewWithOld}));
      break;
    case Step::kRequestIssuing:
      add("issuing.csr", record.request());
      if (log != nullptr) add("log.pub.pem", Pem("PUBLIC KEY", log->view()) + "\n");
      break;
    case Step::kSignIssuing:
      add("issuing.pem", PemOf(record, {kIssuing}));
      add("timestamp.pem", PemOf(record, {kTimestamp}));
      break;
    case Step::kFinish:
      add("chain.pem", PemOf(record, {kIssuing, kRoot}));
      add("chain-previous-root.pem", PemOf(record, {kIssuing, kNewWithOld, kPreviousRoot}));
      add("precertificate-chain.pem", PemOf(record, {kPrecertificate, kIssuing, kRoot}));
      add("tsa-chain.pem", PemOf(record, {kTimestamp, kRoot}));
      break;
  }
  return files;
}

}  // namespace ca::ceremony
