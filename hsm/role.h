// Which keys a signer holds, as it stands on its command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hsm {

enum class Role { kIssuing, kLog };
std::string_view RoleName(Role role);  // "issuing", "log"

struct SignerRole {
  Role role = Role::kIssuing;
  std::string ca;  // of ca.rotation, whose issuing key it is; empty: that of ca.key
};

std::string RoleText(const SignerRole& role);  // "log", "issuing", "issuing:2027"
// Nothing for anything else. Safe on any text.
std::optional<SignerRole> ParseRole(std::string_view text);

}  // namespace hsm
