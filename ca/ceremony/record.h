// What a transcript has said so far, and whether it may say more: the one judge of entries, which
// the ceremony asks before it writes one, and `chancery ceremony verify` when it reads one.
//
//   begun      {step, plan, plan_sha256, program_sha256, rehearsal, testing}
//   confirmed  {witness, what: "plan" or "result", digest, typed}   typed null: --yes-i-am-testing
//   given      {certificate, pem, sha256, words}                    a file that was there before
//   key        {key, made, spki, sha256, words, custody, …}         made in this step, or opened
//   requested  {pem, sha256}                                        PKCS#10 of the issuing key
//   linted     {certificate, tbs, sha256, rules}
//   signed     {certificate, pem, sha256, words}
//   written    {file, sha256}
//   sealed     {step, signatures}                                   by each key of the step
//
// and each {entry, previous, time, type}, which transcript.h is about. Names of keys and
// certificates are in names.h.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ca/ceremony/ca_certificate.h"
#include "ca/ceremony/plan.h"
#include "schema/base/json.h"

namespace ca::ceremony {

extern const schema::ErrorKind kBadTranscript;  // kUs

// Octets over which a seal is signed: a text, which is neither a certificate nor a tree head, and
// the entry without its signatures. So it covers, by `previous`, all that came before.
schema::Bytes SealInput(schema::Json entry);

class Record {
 public:
  // kBadTranscript, naming the rule; then this record is of no more use. `line`: SHA-256 of the
  // entry as it stands in the file. Reads no clock; the chain is judged as of the entry's time.
  schema::Outcome Take(const schema::Json& entry, const schema::Hash& line);

  // Null before the first entry.
  const Plan* plan() const { return plan_ ? &*plan_ : nullptr; }
  bool rehearsal() const { return rehearsal_; }
  bool testing() const { return testing_; }  // somebody did not type

  // The step that was begun and is not sealed; the one to hold next, or nothing when all are
  // sealed.
  std::optional<Step> open() const { return open_; }
  std::optional<Step> next() const;

  // Null when there is none so far.
  const schema::SpkiDer* Key(std::string_view name) const;
  const CaCertificate* Certificate(std::string_view name) const;  // made or given
  const std::string& request() const { return request_; }         // PEM

  // When a certificate that is signed in this step begins: as planned, or an hour before it.
  schema::Time NotBefore(const Validity& validity) const;
  // Hash of the last entry that is no confirmation: what witnesses of a result confirm.
  const schema::Hash& result() const { return result_; }

 private:
  using Taker = schema::Outcome (Record::*)(const schema::Json&);
  schema::Outcome TakeBegun(const schema::Json& entry);
  schema::Outcome TakeConfirmed(const schema::Json& entry);
  schema::Outcome TakeGiven(const schema::Json& entry);
  schema::Outcome TakeKey(const schema::Json& entry);
  schema::Outcome TakeRequested(const schema::Json& entry);
  schema::Outcome TakeLinted(const schema::Json& entry);
  schema::Outcome TakeSigned(const schema::Json& entry);
  schema::Outcome TakeWritten(const schema::Json& entry);
  schema::Outcome TakeSealed(const schema::Json& entry);
  schema::Outcome CheckComplete() const;
  schema::Outcome CheckChains(schema::Time now) const;

  std::optional<Plan> plan_;
  bool rehearsal_ = false, testing_ = false;
  std::size_t sealed_ = 0;  // steps
  std::optional<Step> open_;
  schema::Hash result_{};
  std::map<std::string, schema::SpkiDer, std::less<>> keys_;
  std::map<std::string, CaCertificate, std::less<>> certificates_;
  std::string request_;

  // Of the open step, since it was last begun.
  schema::Time now_{};
  bool step_testing_ = false;
  std::set<std::string, std::less<>> in_hand_, signed_, written_;
  std::map<std::string, schema::Bytes, std::less<>> linted_;
  std::set<std::pair<std::string, std::string>> confirmed_;
};

}  // namespace ca::ceremony
