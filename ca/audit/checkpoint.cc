#include "ca/audit/checkpoint.h"

#include "schema/log/verifier_key.h"

namespace ca::audit {

using schema::Result;

namespace {

// The signature of the line that verifies; empty when there is none.
schema::Bytes CheckKey(const schema::Note& note, const schema::VerifierKey* key,
                       const std::string& where, std::string_view which, Findings& findings) {
  if (key == nullptr) {
    findings.Add("bad-checkpoint", where, "no " + std::string(which) + " is known for its origin");
    return {};
  }
  auto line = schema::VerifyNote(note, *key);
  if (line) return std::move(line->signature);
  findings.Add("bad-checkpoint", where, "not signed by " + key->Text());
  return {};
}

// RFC6962NoteSignature (static-ct-api) begins with a u64: Unix milliseconds.
std::uint64_t TimeOf(schema::BytesView signature) {
  std::uint64_t time = 0;
  for (std::size_t i = 0; i < 8 && i < signature.size(); ++i) time = time << 8 | signature[i];
  return time;
}

}  // namespace

Result<Checkpoint> ReadCheckpoint(const Source& source, LogKind kind, const std::string& name,
                                  const Anchors& anchors, std::size_t quorum, Findings& findings) {
  TRY(const schema::Bytes text, source.Read("checkpoint"));
  TRY(const schema::Note note, schema::ParseNote(schema::AsText(text)));
  TRY(schema::CheckpointBody body, schema::ParseCheckpointText(note.text));
  const std::string where = name + " checkpoint";
  Checkpoint checkpoint{std::move(body), nullptr, 0, {}};
  const std::string& origin = checkpoint.body.origin;
  if (kind == LogKind::kCertificates) {
    checkpoint.log = anchors.FindLog(origin);
    checkpoint.time_ms =
        TimeOf(CheckKey(note, checkpoint.log == nullptr ? nullptr : &checkpoint.log->verifier,
                        where, "log key (type 05)", findings));
  }
  CheckKey(note, anchors.FindNote(origin), where, "Ed25519 key (type 01)", findings);
  for (const schema::VerifierKey& witness : anchors.witnesses) {
    if (schema::VerifyNote(note, witness)) checkpoint.witnesses.push_back(witness.name);
  }
  if (checkpoint.witnesses.size() < quorum) {
    findings.Add("too-few-witnesses", where,
                 std::to_string(checkpoint.witnesses.size()) + " of " + std::to_string(quorum));
  }
  return checkpoint;
}

}  // namespace ca::audit
