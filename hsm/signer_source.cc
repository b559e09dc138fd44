#include "hsm/signer_source.h"

namespace hsm {

schema::Result<SignerProcess> SignerSource::Bring(const SignerOrder& order, int entered_pin) const {
  if (!supervised()) {
    return SignerProcess::Spawn(program, config_file, order.role, entered_pin, order.token);
  }
  constexpr std::chrono::seconds kPatience{2};
  TRY(Descriptor connection, Join(socket, order, schema::Steady::now() + kPatience));
  return SignerProcess::OfSupervisor(std::move(connection));
}

}  // namespace hsm
