#include "hsm/signer_source.h"

#include "hsm/sealed.h"

namespace hsm {

schema::Result<SignerProcess> SignerSource::Bring(const SignerOrder& order, int entered_pin) const {
  if (!supervised()) {
    const Descriptor text = SealedText(config_text);
    return SignerProcess::Spawn(program, config_file, order.role, entered_pin, order.token,
                                text.get());
  }
  constexpr std::chrono::seconds kPatience{2};
  TRY(Descriptor connection, Join(socket, order, schema::Steady::now() + kPatience));
  return SignerProcess::OfSupervisor(std::move(connection));
}

}  // namespace hsm
