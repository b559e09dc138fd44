#include "hsm/signer_source.h"

#include <string>

#include "hsm/join.h"

namespace hsm {

schema::Result<SignerProcess> SignerSource::Bring(std::string_view role, int entered_pin) const {
  if (!supervised()) return SignerProcess::Spawn(program, config_file, role, entered_pin);
  constexpr std::chrono::seconds kPatience{2};
  TRY(Descriptor connection, Join(socket, {std::string(role)}, schema::Steady::now() + kPatience));
  return SignerProcess::OfSupervisor(std::move(connection));
}

}  // namespace hsm
