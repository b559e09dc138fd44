#include "hsm/gates.h"

#include "hsm/pin_prompt.h"
#include "hsm/uri.h"

namespace hsm {

schema::Result<LoginGate*> Gates::Of(const std::string& key, const schema::Config& config,
                                     const SignerSource& source) {
  const auto uri = ParseKeyUri(key, config.directory);
  const Name name =
      uri ? Name{uri->module.string(), uri->token, uri->serial, uri->pin.Key()} : Name{key};
  auto& gate = gates_[name];
  if (gate == nullptr) {
    // What a supervisor's signers read is not even looked at here.
    const PinSource pin = uri && !source.supervised() ? uri->pin : PinSource();
    Descriptor entered;
    if (pin.kind == PinKind::kPrompt) {
      TRY(entered, HaveAskedForPin(source.program, pin.asks_for));
    }
    gate = std::make_unique<LoginGate>(pin, config.hsm.state, std::move(entered));
  }
  return gate.get();
}

}  // namespace hsm
