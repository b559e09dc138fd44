// Custody on real signer processes and a real token (SoftHSM).
#include "hsm/custody.h"

#include <doctest/doctest.h>

#include "hsm/digest.h"
#include "hsm/guard.h"
#include "tests/support/fakes.h"
#include "tests/support/softhsm.h"

namespace {

using namespace std::chrono_literals;
using schema::Steady;

std::filesystem::path SignerProgram() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "hsm_signer";
}

schema::Bytes Probe(std::string_view tail) {
  return schema::ToBytes(schema::AsBytes(std::string(hsm::kProbePrefix) + std::string(tail)));
}

TEST_CASE("signs with the token's key") {
  const support::HsmState state;
  support::MemoryJournal journal;
  const auto custody = hsm::Custody::Start(state.Load(), SignerProgram(), journal);
  if (!custody) FAIL(custody.error().Describe());
  REQUIRE(custody.has_value());
  const schema::Bytes probe = Probe("1");
  const auto got = (*custody)->Sign(hsm::Purpose::kProbe, probe, Steady::now() + 2s);
  if (!got) FAIL(got.error().Describe());
  CHECK(hsm::VerifyP256((*custody)->facts().issuing, probe, got->signature.view()));
  CHECK((*custody)->Ready());
}

}  // namespace
