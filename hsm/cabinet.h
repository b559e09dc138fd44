// Keys for a process of its own that uses one at a time, with people around: the ceremony.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "hsm/key.h"
#include "hsm/pin_source.h"
#include "hsm/uri.h"

namespace hsm {

// Not for several threads. All calls block as long as the module does. `setting` names the key in
// messages; errors are hsm's: kKeyUnusable, kPinRefused.
class Cabinet {
 public:
  // `state`: where a refused PIN is remembered, so that it is not tried again (pin_memory.h).
  explicit Cabinet(std::filesystem::path state);
  Cabinet(const Cabinet&) = delete;
  Cabinet& operator=(const Cabinet&) = delete;
  ~Cabinet();

  // generate.h: a key that is there is never replaced.
  schema::Outcome Generate(const std::string& setting, const KeyUri& uri);
  // As signers open it, and proved with a signature; it may ask for its PIN before each. Finding
  // its token closes the sessions of every other key, so those are of no use afterwards.
  schema::Result<std::unique_ptr<SigningKey>> Open(const std::string& setting, const KeyUri& uri);
  // new_token.h, with the PIN of this source.
  schema::Outcome MakeToken(const std::filesystem::path& module, std::string_view label,
                            const PinSource& source);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace hsm
