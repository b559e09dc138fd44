// Terms of CA certificates for tests of their form.
#pragma once

#include "ca/ceremony/ca_certificate.h"
#include "tests/support/test_ca.h"

namespace stage {

inline ca::ceremony::CaTerms RootTerms(EVP_PKEY* key) {
  ca::ceremony::CaTerms terms;
  terms.subject = terms.issuer = ca::ceremony::WriteName("Example", "Example Root");
  terms.spki = support::SpkiOf(key);
  terms.key_id = terms.issuer_key_id = ca::ceremony::KeyIdOfSpki(terms.spki);
  terms.not_before = support::kNow;
  terms.not_after = support::kNow + std::chrono::hours{24 * 3650};
  return terms;
}

inline ca::ceremony::CaTerms IssuingTerms(EVP_PKEY* key, const ca::ceremony::CaTerms& root) {
  ca::ceremony::CaTerms terms;
  terms.issuer = root.subject;
  terms.issuer_key_id = root.key_id;
  terms.subject = ca::ceremony::WriteName("Example", "Example Issuing CA");
  terms.spki = support::SpkiOf(key);
  terms.key_id = ca::ceremony::KeyIdOfSpki(terms.spki);
  terms.not_before = support::kNow;
  terms.not_after = support::kNow + std::chrono::hours{24 * 365};
  terms.path_length = std::uint8_t{0};
  terms.purpose = ca::ceremony::Purpose::kCodeSigning;
  return terms;
}

inline constexpr ca::Serial kSerial = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x11, 0x22,
                                       0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc};

}  // namespace stage
