// Property: a TBSCertificate that Allow takes is DER as OpenSSL writes it, of version 3, ours, for
// code signing alone, and no CA; and no input is allowed for two purposes. The first octet is the
// purpose.
#include <openssl/x509v3.h>

#include <cstdint>

#include "hsm/guard.h"
#include "schema/base/der.h"
#include "schema/base/openssl.h"
#include "schema/log/leaf.h"
#include "tests/hsm/tbs.h"

namespace {

namespace der = schema::der;

// The TBS as a certificate with an empty signature: what OpenSSL's reader wants.
schema::Bytes AsCertificate(schema::BytesView tbs) {
  der::Writer out;
  const std::size_t certificate = out.Begin(der::kSequence);
  out.Raw(tbs);
  constexpr std::uint8_t kEcdsaSha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                           0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
  out.Raw(kEcdsaSha256);
  out.BitString({});
  out.End(certificate);
  return std::move(out).Take();
}

void CheckTbs(schema::BytesView tbs, const hsm::GuardSettings& settings) {
  const schema::Bytes bytes = AsCertificate(tbs);
  const unsigned char* p = bytes.data();
  const schema::OwnedCert certificate(d2i_X509(nullptr, &p, static_cast<long>(bytes.size())));
  MUST(certificate != nullptr && p == bytes.data() + bytes.size());
  unsigned char* again = nullptr;
  const int size = i2d_re_X509_tbs(certificate.get(), &again);
  MUST(size > 0 && schema::Equal({again, static_cast<std::size_t>(size)}, tbs));
  OPENSSL_free(again);
  MUST(X509_get_version(certificate.get()) == X509_VERSION_3);
  MUST(X509_NAME_entry_count(X509_get_subject_name(certificate.get())) == 0);
  MUST(X509_check_ca(certificate.get()) == 0);
  MUST(X509_get_key_usage(certificate.get()) == KU_DIGITAL_SIGNATURE);
  MUST(X509_get_extended_key_usage(certificate.get()) == XKU_CODE_SIGN);
  const ASN1_OCTET_STRING* aki = X509_get0_authority_key_id(certificate.get());
  MUST(aki != nullptr);
  MUST(
      schema::Equal({ASN1_STRING_get0_data(aki), static_cast<std::size_t>(ASN1_STRING_length(aki))},
                    settings.issuer_key_id));
  const schema::Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  MUST(names != nullptr && sk_GENERAL_NAME_num(names.get()) == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const hsm::GuardSettings settings = tests::SampleSettings();
  if (size == 0) return 0;
  const auto purpose = static_cast<hsm::Purpose>(data[0]);
  const schema::BytesView bytes(data + 1, size - 1);
  if (!hsm::Allow(settings, purpose, bytes, tests::kGuardNow)) return 0;
  for (int other = 0; other < 10; ++other) {
    const bool allowed =
        hsm::Allow(settings, static_cast<hsm::Purpose>(other), bytes, tests::kGuardNow).has_value();
    MUST(allowed == (other == data[0]));
  }
  if (purpose == hsm::Purpose::kCertificate || purpose == hsm::Purpose::kPrecertificate) {
    CheckTbs(bytes, settings);
  }
  if (purpose == hsm::Purpose::kSct) CheckTbs(schema::ParseLeaf(bytes)->tbs.view(), settings);
  return 0;
}
