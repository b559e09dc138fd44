#include "hsm/role.h"

#include "schema/rotation.h"

namespace hsm {
namespace {

constexpr std::string_view kOfCa = "issuing:";

}  // namespace

std::string_view RoleName(Role role) { return role == Role::kIssuing ? "issuing" : "log"; }

std::string RoleText(const SignerRole& role) {
  const std::string name(RoleName(role.role));
  return role.ca.empty() ? name : name + ":" + role.ca;
}

std::optional<SignerRole> ParseRole(std::string_view text) {
  if (text == RoleName(Role::kIssuing)) return SignerRole{Role::kIssuing, ""};
  if (text == RoleName(Role::kLog)) return SignerRole{Role::kLog, ""};
  if (!text.starts_with(kOfCa)) return std::nullopt;
  const std::string_view ca = text.substr(kOfCa.size());
  if (!schema::CheckCaName(ca)) return std::nullopt;
  return SignerRole{Role::kIssuing, std::string(ca)};
}

}  // namespace hsm
