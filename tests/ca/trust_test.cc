#include "ca/trust.h"

#include <doctest/doctest.h>

#include "schema/base/base64.h"
#include "schema/base/json.h"
#include "tests/ca/log/house.h"
#include "tests/support/test_ca.h"

#include "ca/log/stored_keys.h"

namespace {

TEST_CASE("TrustedRoot: what clients refuse to do without") {
  log_test::House house;
  house.config.public_url = "https://ca.example.org";
  REQUIRE(house.Open());
  const auto root = schema::ParseJson(
      ca::TrustedRoot(house.config, *ca::IssuingCas::Of(house.chain), house.log().keys()),
      {.bytes = 1 << 20});
  REQUIRE(root);
  CHECK_EQ((*root)["mediaType"], "application/vnd.dev.sigstore.trustedroot+json;version=0.1");

  const schema::Json& authority = (*root)["certificateAuthorities"][0];
  CHECK_EQ(authority["certChain"]["certificates"].size(), house.chain.certificates.size());
  CHECK_EQ(authority["validFor"]["start"], schema::Rfc3339(house.chain.not_before));
  CHECK_FALSE(authority["validFor"].contains("end"));
  CHECK_FALSE(authority["subject"]["organization"].get<std::string>().empty());

  const schema::Json& log = (*root)["ctlogs"][0];
  CHECK_EQ(log["logId"]["keyId"], schema::Base64(schema::Sha256(house.custody.facts().log.view())));
  CHECK_EQ(log["publicKey"]["keyDetails"], "PKIX_ECDSA_P256_SHA_256");
  CHECK_EQ(log["publicKey"]["rawBytes"], schema::Base64(house.custody.facts().log.view()));
  CHECK_EQ(log["baseUrl"], "https://ca.example.org/log/certificates/2026");
  CHECK(log["publicKey"]["validFor"].contains("start"));
  CHECK_FALSE(log.contains("checkpointKeyId"));  // sigstore-js refuses it on ctlogs
}

TEST_CASE("the keys of a stopped log are those it had") {
  log_test::House house;
  REQUIRE(house.Open());
  const ca::LogKeys running = house.log().keys();
  house.Close();
  const auto stored = ca::StoredLogKeys(house.config);
  REQUIRE(stored);
  CHECK_EQ(stored->log_key, running.log_key);
  CHECK_EQ(stored->log_id, running.log_id);
  CHECK_EQ(stored->certificates_note_key, running.certificates_note_key);
  CHECK_EQ(stored->events_note_key, running.events_note_key);
  CHECK_EQ(stored->since, running.since);

  house.config.log.certificates.shard = "2027";
  const auto other = ca::StoredLogKeys(house.config);
  REQUIRE_FALSE(other);
  CHECK_EQ(other.error().kind->id, ca::kBadState.id);
}

}  // namespace
