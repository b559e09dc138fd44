#include "ca/log/past.h"

#include <algorithm>
#include <thread>

#include "ca/log/shipping.h"
#include "schema/base/fetch.h"
#include "schema/log/witness.h"

namespace ca {

using schema::Error;
using schema::Ok;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kRolledBack{
    "log-rolled-back", schema::Fault::kUs,
    "this state lacks or contradicts what its log has published: an older state was put back, or "
    "it was changed; see ca/log/README.md, \"A log that was rolled back\""};
const schema::ErrorKind kNotOurs{"not-our-checkpoint", schema::Fault::kUs,
                                 "there is no checkpoint of this log to compare with"};

std::string_view NameOf(LogName log) {
  return log == LogName::kCertificates ? "certificates" : "events";
}

Outcome CompareWith(const std::vector<OwnTree>& trees, std::string_view checkpoint,
                    const std::string& source) {
  const auto note = schema::ParseNote(checkpoint);
  if (!note) return Error{&kNotOurs, source + ": " + note.error().detail};
  const auto body = schema::ParseCheckpointText(note->text);
  if (!body) return Error{&kNotOurs, source + ": " + body.error().detail};
  const auto tree =
      std::ranges::find(trees, body->origin, [](const OwnTree& one) { return one.key.name; });
  if (tree == trees.end()) return Error{&kNotOurs, source + ": of " + body->origin};
  if (const auto line = schema::VerifyNote(*note, tree->key); !line) {
    return Error{&kNotOurs, source + ": " + line.error().detail};
  }
  const std::string shown = source + " has a checkpoint of " + std::to_string(body->size) + " " +
                            std::string(NameOf(tree->log)) + ", signed by this log";
  if (body->size > tree->size) {
    return Error{&kRolledBack, shown + "; here are " + std::to_string(tree->size)};
  }
  TRY(const schema::Hash root, schema::merkle::Root(body->size, tree->read));
  if (root != body->root) {
    return Error{&kRolledBack,
                 shown + "; the first " + std::to_string(body->size) + " here have another root"};
  }
  return Ok();
}

Result<std::string> AskWitness(const schema::WitnessSettings& witness, schema::Sender& sender,
                               const std::string& origin) {
  schema::SendRequest request;
  request.method = "GET";
  request.url = witness.url + "/" + schema::OriginPath(origin) + "/checkpoint";
  request.ca_file = witness.ca.string();
  TRY(schema::SendAnswer answer, sender.Send(request));
  if (answer.status == 200) return std::move(answer.body);
  return Error{&kNotOurs, request.url + ": status " + std::to_string(answer.status)};
}

namespace {

// What one witness or one place has kept; may take as long as its answer.
using Kept = std::vector<std::pair<std::string, Result<std::string>>>;  // source, checkpoint

Kept OfWitness(const schema::WitnessSettings& witness, schema::Sender& sender,
               const std::vector<OwnTree>& trees) {
  Kept out;
  for (const OwnTree& tree : trees) {
    out.emplace_back("witness " + witness.key.name, AskWitness(witness, sender, tree.key.name));
  }
  return out;
}

Kept OfPlace(const schema::ShipSettings& place, schema::Sender* sender) {
  Kept out;
  auto notes = NewestShipped(place, sender);
  if (!notes) {
    out.emplace_back(place.target, std::move(notes).error());
    return out;
  }
  for (std::string& note : *notes) out.emplace_back(place.target, std::move(note));
  return out;
}

}  // namespace

Outcome CheckPast(const schema::WatcherSettings& watchers, const std::vector<OwnTree>& trees,
                  schema::Sender* sender, schema::Journal& journal) {
  MUST(watchers.witnesses.empty() || sender != nullptr);
  const std::size_t witnesses = watchers.witnesses.size();
  std::vector<Kept> kept(witnesses + watchers.ship.size());
  // All at once: one that hangs costs its timeout, not the sum.
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    threads.emplace_back([&, i] {
      kept[i] = i < witnesses ? OfWitness(watchers.witnesses[i], *sender, trees)
                              : OfPlace(watchers.ship[i - witnesses], sender);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Kept& one : kept) {
    for (const auto& [source, checkpoint] : one) {
      const Outcome compared =
          checkpoint ? CompareWith(trees, *checkpoint, source) : Outcome(checkpoint.error());
      if (compared) continue;
      const Error& error = compared.error();
      if (!error.Is(kNotOurs) && !error.Is(schema::kFetchFailed)) return error;
      journal.Warning("log-not-compared", {{"with", source}, {"reason", error.Describe()}});
    }
  }
  return Ok();
}

}  // namespace ca
