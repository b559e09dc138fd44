#include "ca/log/cosigning.h"

#include "schema/log/lines.h"
#include "schema/log/witness.h"

namespace ca {

using schema::Error;
using schema::Result;

const schema::ErrorKind kWitnessAway{"witness-away", schema::Fault::kBusy,
                                     "a witness gave no usable answer"};
const schema::ErrorKind kWitnessRefuses{
    "witness-refuses", schema::Fault::kUs,
    "a witness does not take this log's checkpoints; its configuration needs the log's origin and "
    "verifier key"};
const schema::ErrorKind kWitnessContradicts{
    "witness-contradicts", schema::Fault::kUs,
    "a witness says that this tree does not continue the one it cosigned"};

namespace {

constexpr int kAttempts = 3;  // a 409 tells the size to start from

std::optional<std::uint64_t> ConflictSize(const std::string& body) {
  std::string_view rest = body;
  const auto line = schema::TakeLine(rest);
  return line && rest.empty() ? schema::ParseDecimal(*line) : std::nullopt;
}

}  // namespace

Result<std::string> Cosigner::Cosign(const Candidate& candidate,
                                     const schema::merkle::HashReader& read) {
  std::uint64_t& old = cosigned_[Index(candidate.log)];
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    TRY(const auto proof, schema::merkle::ConsistencyProof(old, candidate.size, read));
    schema::SendRequest request;
    request.method = "POST";
    request.url = settings_.url + "/add-checkpoint";
    request.ca_file = settings_.ca.string();
    request.content_type = "text/plain";
    request.body = schema::AddCheckpointText(old, proof, candidate.note);
    const auto answer = sender_.Send(request);
    if (!answer) return Error{&kWitnessAway, answer.error().detail};
    switch (answer->status) {
      case 200: {
        TRY(std::string line, Accept(candidate, answer->body));
        old = candidate.size;
        return line;
      }
      case 400:
      case 403:
      case 404:
        return Error{&kWitnessRefuses, request.url + ": status " + std::to_string(answer->status)};
      case 409: {
        const auto size = ConflictSize(answer->body);
        if (!size) return Error{&kWitnessAway, request.url + ": status 409 without a size"};
        // Its size was right already, so its root is another one.
        if (*size == old || *size > candidate.size) {
          return Contradicted(candidate, read,
                              "it has cosigned another tree of " + std::to_string(*size));
        }
        old = *size;
        break;
      }
      case 422:
        return Contradicted(candidate, read, "status 422 from size " + std::to_string(old));
      default:
        return Error{&kWitnessAway, request.url + ": status " + std::to_string(answer->status)};
    }
  }
  return Error{&kWitnessAway, settings_.url + ": another size with each answer"};
}

Result<std::string> Cosigner::Accept(const Candidate& candidate, const std::string& body) const {
  const auto note = schema::ParseNote(candidate.note + body);
  const auto line =
      note ? schema::VerifyNote(*note, settings_.key) : Result<schema::Note::Line>(note.error());
  if (!line) {
    return Error{&kWitnessAway, settings_.url + ": no cosignature: " + line.error().detail};
  }
  return schema::SignatureLine(line->name, line->key_id, line->signature);
}

Error Cosigner::Contradicted(const Candidate& candidate, const schema::merkle::HashReader& read,
                             const std::string& said) {
  const std::string source = "witness " + settings_.key.name;
  if (const auto kept = AskWitness(settings_, sender_, candidate.key.name)) {
    const auto compared =
        CompareWith({{candidate.log, candidate.key, candidate.size, read}}, *kept, source);
    if (!compared && compared.error().Is(kRolledBack)) return compared.error();
  }
  return Error{&kWitnessContradicts, source + ": " + said + "; this one has " +
                                         std::to_string(candidate.size) + " " +
                                         std::string(NameOf(candidate.log))};
}

}  // namespace ca
