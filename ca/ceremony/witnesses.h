// The people who see to it that what was planned is what was done.
#pragma once

#include <optional>
#include <string>

#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca::ceremony {

extern const schema::ErrorKind kNotConfirmed;  // kUs

class Witnesses {
 public:
  virtual ~Witnesses() = default;
  // The first words of `digest` as `witness` typed them, or nothing when nobody was asked.
  // kNotConfirmed when something else was typed three times, or nothing any more.
  virtual schema::Result<std::optional<std::string>> Confirm(const std::string& witness,
                                                             std::string_view what,
                                                             const schema::Hash& digest) = 0;
};

// On the terminal of standard input and output.
class TerminalWitnesses final : public Witnesses {
 public:
  schema::Result<std::optional<std::string>> Confirm(const std::string& witness,
                                                     std::string_view what,
                                                     const schema::Hash& digest) override;
};

// --yes-i-am-testing: nobody is asked, and the transcript says so.
class NoWitnesses final : public Witnesses {
 public:
  schema::Result<std::optional<std::string>> Confirm(const std::string&, std::string_view,
                                                     const schema::Hash&) override {
    return std::optional<std::string>();
  }
};

}  // namespace ca::ceremony
