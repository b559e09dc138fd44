#include "hsm/role.h"

#include <doctest/doctest.h>

#include <string>

namespace {

TEST_CASE("a role on a command line is a role and a CA, or nothing") {
  for (const char* text : {"log", "issuing", "issuing:2027", "issuing:a-b.c"}) {
    CAPTURE(text);
    const auto role = hsm::ParseRole(text);
    REQUIRE(role);
    CHECK_EQ(hsm::RoleText(*role), text);
  }
  for (const char* text : {"", "Log", "log:2027", "issuing:", "issuing:A", "issuing:.x",
                           "issuing:a b", "issuing:a/b", "issuing:a:b", "signing"}) {
    CAPTURE(text);
    CHECK_FALSE(hsm::ParseRole(text));
  }
  CHECK_FALSE(hsm::ParseRole("issuing:" + std::string(65, 'a')));
}

}  // namespace
