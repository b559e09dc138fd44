#include "ca/audit/checkpoint.h"

#include "schema/log/verifier_key.h"

namespace ca::audit {

using schema::Result;

namespace {

void CheckKey(const schema::Note& note, const schema::VerifierKey* key, const std::string& where,
              std::string_view which, Findings& findings) {
  if (key == nullptr) {
    findings.Add("bad-checkpoint", where, "no " + std::string(which) + " is known for its origin");
  } else if (!schema::VerifyNote(note, *key)) {
    findings.Add("bad-checkpoint", where, "not signed by " + key->Text());
  }
}

}  // namespace

Result<Checkpoint> ReadCheckpoint(const Source& source, LogKind kind, const Anchors& anchors,
                                  std::size_t quorum, Findings& findings) {
  TRY(const schema::Bytes text, source.Read("checkpoint"));
  TRY(const schema::Note note, schema::ParseNote(schema::AsText(text)));
  TRY(schema::CheckpointBody body, schema::ParseCheckpointText(note.text));
  const bool certificates = kind == LogKind::kCertificates;
  const std::string where = certificates ? "certificates checkpoint" : "events checkpoint";
  Checkpoint checkpoint{std::move(body), nullptr, {}};
  const std::string& origin = checkpoint.body.origin;
  if (certificates) {
    checkpoint.log = anchors.FindLog(origin);
    CheckKey(note, checkpoint.log == nullptr ? nullptr : &checkpoint.log->verifier, where,
             "log key (type 05)", findings);
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
