#include "ca/witness/witness.h"

#include "hsm/file_key.h"
#include "schema/base/file.h"
#include "schema/log/merkle.h"

namespace ca {

using schema::Error;
using schema::Ok;
using schema::Outcome;
using schema::Result;
using schema::VerifierKey;

const schema::ErrorKind kBadWitnessState{
    "bad-witness-state", schema::Fault::kUs,
    "what the witness remembers of a log cannot be read as its own; see ca/witness/README.md"};

namespace {

constexpr std::size_t kNoteFileBytes = 64 * 1024;

std::string SizeLine(std::uint64_t size) { return std::to_string(size) + "\n"; }

}  // namespace

Witness::Witness(WitnessParts parts, StateLock lock)
    : parts_(std::move(parts)),
      lock_(std::move(lock)),
      own_{parts_.name, schema::NoteKeyType::kCosignature, hsm::RawEd25519(parts_.key->spki())} {}

Result<std::unique_ptr<Witness>> Witness::Open(WitnessParts parts) {
  TRY(StateLock lock, StateLock::Take(parts.state));
  std::unique_ptr<Witness> witness(new Witness(std::move(parts), std::move(lock)));
  for (const VerifierKey& key : witness->parts_.logs) {
    const std::string path = schema::OriginPath(key.name);
    Log& log = witness->logs_[path];
    log.keys.push_back(key);
    log.file = witness->parts_.state / path;
    log.latest = {key.name, 0, schema::merkle::EmptyRoot()};
  }
  for (auto& [path, log] : witness->logs_) TRY(witness->Recall(log));
  return witness;
}

Outcome Witness::Recall(Log& log) {
  std::error_code failed;
  if (!std::filesystem::exists(log.file, failed) && !failed) return Ok();
  const auto bad = [&](const Error& why) {
    return Error{&kBadWitnessState, log.file.string() + ": " + why.Describe()};
  };
  const auto text = schema::ReadFile(log.file, kNoteFileBytes);
  if (!text) return bad(text.error());
  const auto note = schema::ParseNote(*text);
  if (!note) return bad(note.error());
  auto body = schema::ParseCheckpointText(note->text);
  if (!body) return bad(body.error());
  if (body->origin != log.latest.origin) return bad({&kBadWitnessState, "of " + body->origin});
  // Only what it cosigned itself is believed. The log's key may be another by now.
  if (const auto line = schema::VerifyNote(*note, own_); !line) return bad(line.error());
  log.latest = *std::move(body);
  log.note = *text;
  return Ok();
}

Witness::Answer Witness::AddCheckpoint(std::string_view request) {
  const auto parsed = schema::ParseAddCheckpoint(request);
  if (!parsed) return {Verdict::kMalformed, parsed.error().detail + "\n"};
  const auto found = logs_.find(schema::OriginPath(parsed->body.origin));
  if (found == logs_.end()) return {Verdict::kUnknownLog, "unknown origin\n"};
  return Judge(found->second, *parsed);
}

// In the order of tlog-witness.
Witness::Answer Witness::Judge(Log& log, const schema::AddCheckpoint& request) {
  std::optional<schema::Note::Line> signature;
  for (const VerifierKey& key : log.keys) {
    auto line = schema::VerifyNote(request.note, key);
    if (line) signature = *std::move(line);
    if (signature) break;
  }
  if (!signature) return {Verdict::kUntrusted, "no signature of a key of this log\n"};
  const schema::CheckpointBody& next = request.body;
  if (request.old_size > next.size) {
    return {Verdict::kMalformed, "the old size is above that of the checkpoint\n"};
  }
  // Held until the new state is on disk: two requests never start from the same one.
  const std::lock_guard lock(log.mutex);
  if (request.old_size != log.latest.size) {
    return {Verdict::kStale, SizeLine(log.latest.size)};
  }
  const auto consistent = schema::merkle::VerifyConsistency(log.latest.size, log.latest.root,
                                                            next.size, next.root, request.proof);
  if (consistent) return Cosign(log, request, *std::move(signature));
  ReportFork(log, request, consistent.error().detail);
  // tlog-witness: two roots of one size are a conflict, not a bad proof.
  if (next.size == log.latest.size && next.root != log.latest.root) {
    return {Verdict::kStale, SizeLine(log.latest.size)};
  }
  return {Verdict::kInconsistent, consistent.error().detail + "\n"};
}

Witness::Answer Witness::Cosign(Log& log, const schema::AddCheckpoint& request,
                                schema::Note::Line signature) {
  const schema::Time now = schema::ToSeconds(parts_.clock.Now());
  const std::string input = schema::CosignatureInput(now, request.note.text);
  const auto made = [&] {
    const std::lock_guard lock(signing_);
    return parts_.key->Sign(schema::AsBytes(input));
  }();
  if (!made) {
    parts_.journal.Error("witness-cannot-sign", {{"reason", made.error().Describe()}});
    return {Verdict::kUnavailable, "not signed\n"};
  }
  schema::Note::Line own{own_.name, own_.Id(), schema::Cosignature(now, made->view())};
  std::string line = schema::SignatureLine(own.name, own.key_id, own.signature);
  std::string note = schema::NoteText({request.note.text, {std::move(signature), std::move(own)}});
  // A crash before this has given nothing out; one after it is remembered.
  if (const auto kept = schema::ReplaceFile(log.file, note); !kept) {
    parts_.journal.Error("witness-cannot-remember", {{"reason", kept.error().Describe()}});
    return {Verdict::kUnavailable, "not remembered\n"};
  }
  if (log.note.empty()) {
    parts_.journal.Warning(
        "witness-first-checkpoint",
        {{"origin", log.latest.origin}, {"size", std::to_string(request.body.size)}});
  }
  log.latest = request.body;
  log.note = std::move(note);
  return {Verdict::kCosigned, std::move(line)};
}

// Both notes are signed by the log: together they prove what it did.
void Witness::ReportFork(const Log& log, const schema::AddCheckpoint& request,
                         const std::string& reason) {
  parts_.journal.Error("witness-refused-fork", {{"origin", log.latest.origin},
                                                {"reason", reason},
                                                {"cosigned", log.note},
                                                {"refused", schema::NoteText(request.note)}});
}

std::optional<std::string> Witness::Latest(std::string_view origin_path) const {
  const auto found = logs_.find(origin_path);
  if (found == logs_.end()) return std::nullopt;
  const std::lock_guard lock(found->second.mutex);
  if (found->second.note.empty()) return std::nullopt;
  return found->second.note;
}

}  // namespace ca
