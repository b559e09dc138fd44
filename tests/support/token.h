// OpenID tokens for tests, minted with OpenSSL: none of the product's own JOSE code is in them.
#pragma once

#include <string>
#include <string_view>

#include "schema/base/bytes.h"
#include "schema/base/json.h"
#include "schema/base/openssl.h"
#include "schema/base/time.h"

namespace support {

// One signing key of one issuer. Fresh at construction; const afterwards, so usable from several
// threads.
class TokenMinter {
 public:
  // RS256/384/512, PS256/384/512 (2048-bit keys), ES256/384/512, EdDSA.
  explicit TokenMinter(std::string alg = "RS256", std::string kid = "test-key");
  // A key from elsewhere, of the kind that `alg` needs.
  TokenMinter(std::string alg, std::string kid, schema::OwnedKey key)
      : alg_(std::move(alg)), kid_(std::move(kid)), key_(std::move(key)) {}

  // Signs `claims` under {"alg","kid","typ":"JWT"}.
  std::string Mint(const schema::Json& claims) const { return MintRaw(Header(), claims.dump()); }
  // Any header and payload text, well-formed or not.
  std::string MintRaw(std::string_view header, std::string_view payload) const;
  std::string Header() const;
  // The JWS form: r‖s for ES.
  schema::Bytes Sign(schema::BytesView input) const;

  schema::Json Jwk() const;  // with alg, use and kid
  std::string Jwks() const;  // {"keys":[Jwk()]}
  EVP_PKEY* key() const { return key_.get(); }
  const std::string& alg() const { return alg_; }
  const std::string& kid() const { return kid_; }

 private:
  std::string alg_, kid_;
  schema::OwnedKey key_;
};

std::string JwksOf(std::initializer_list<const TokenMinter*> minters);
// An OpenID configuration whose JWKS is at `issuer`/jwks.
std::string DiscoveryOf(std::string_view issuer);

// iss, aud, sub, iat (now), exp (now + 5 min) and a fresh jti.
schema::Json BaseClaims(std::string_view issuer, std::string_view audience, schema::Time now);
// BaseClaims with all that a github-workflow issuer's type needs.
schema::Json GithubClaims(std::string_view issuer, std::string_view audience, schema::Time now);

}  // namespace support
