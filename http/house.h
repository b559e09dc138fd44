// The parts of a running server, from one text of its configuration.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "http/in_force.h"
#include "oidc/rules.h"
#include "schema/base/journal.h"
#include "schema/config.h"

namespace http {

struct HouseParts;

// What is the same for every house of a process.
struct Ground {
  std::string file;               // of the configuration
  std::filesystem::path program;  // this one, for its signers
  oidc::Rules rules;
  schema::Journal& journal;
};

// Whole or not at all. Nothing of it listens: server.h does, and is given what answers.
class House {
 public:
  // Reads what `text` names, brings up the signers and opens the log. An error begins with the key
  // of the configuration that it is about; hsm::kPinRefused: no other try.
  static schema::Result<std::unique_ptr<House>> Build(const Ground& ground,
                                                      const std::string& text);
  // Begins to watch files and signers: behind the listening sockets, so that a start that is
  // refused there enters no event of theirs.
  void Start();
  // What can be said of another text while this house stands, without its keys and its log; what it
  // says.
  schema::Result<schema::Config> Accepts(const Ground& ground, const std::string& text) const;
  // The files that are watched are read now.
  void AskReload();
  // The watching ends; what was begun is answered.
  void StopReload();
  // The last event, then everything is taken down in order. No request may be under way.
  ~House();

  const schema::Config& config() const;
  // Of listen.public, listen.log and listen.internal. They refer to the house.
  Answers PublicAnswers();
  Answers LogAnswers();
  Answers InternalAnswers();

 private:
  explicit House(std::unique_ptr<HouseParts> parts);
  std::function<std::string(const Request&)> BehindProxies() const;

  std::unique_ptr<HouseParts> parts_;
};

}  // namespace http
