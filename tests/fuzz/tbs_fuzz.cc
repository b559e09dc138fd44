// A TBS that we read keeps its octets through completion and cut; one that passes the lint is a
// certificate that OpenSSL reads, writes back octet for octet and finds to be no CA, for code
// signing alone, with the same SAN.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cstdint>

#include "ca/linted.h"
#include "ca/profile.h"
#include "schema/base/openssl.h"
#include "tests/fuzz/tbs_chain.h"

namespace {

using schema::Bytes;
using schema::BytesView;

void CheckCompletion(BytesView tbs) {
  const auto final_tbs = ca::WithSctList(tbs, Bytes(120, 1));
  MUST(final_tbs);
  const auto back = ca::WithoutSctList(*final_tbs);
  MUST(back && schema::Equal(back->view(), tbs));
  const auto poisoned = ca::WithPoison(tbs);
  MUST(poisoned && !ca::ReadTbs(poisoned->view()) && !ca::ReadTbs(final_tbs->view()));
}

void CheckSan(X509* certificate, const schema::San& san) {
  int critical = 0;
  const schema::Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  MUST(names && critical == 1 && sk_GENERAL_NAME_num(names.get()) == 1);
  const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), 0);
  const ASN1_STRING* text = nullptr;
  if (san.kind == schema::San::Kind::kOtherName) {
    MUST(name->type == GEN_OTHERNAME && name->d.otherName->value->type == V_ASN1_UTF8STRING);
    text = name->d.otherName->value->value.utf8string;
  } else {
    MUST(name->type == (san.kind == schema::San::Kind::kUri ? GEN_URI : GEN_EMAIL));
    text = name->d.ia5;
  }
  MUST(schema::AsText({ASN1_STRING_get0_data(text),
                       static_cast<std::size_t>(ASN1_STRING_length(text))}) == san.value);
}

void CheckCertificate(BytesView tbs, const ca::TbsFacts& facts) {
  const schema::CertDer ours = ca::Assemble(tbs, schema::Signature(Bytes(70, 1)));
  const std::uint8_t* at = ours.view().data();
  const schema::OwnedCert x(d2i_X509(nullptr, &at, static_cast<long>(ours.size())));
  MUST(x && at == ours.view().data() + ours.size());
  std::uint8_t* again = nullptr;
  const int size = i2d_re_X509_tbs(x.get(), &again);
  MUST(size > 0 && schema::Equal({again, static_cast<std::size_t>(size)}, tbs));
  OPENSSL_free(again);
  MUST(X509_check_ca(x.get()) == 0);
  MUST((X509_get_extension_flags(x.get()) & EXFLAG_INVALID) == 0);
  MUST(X509_get_key_usage(x.get()) == KU_DIGITAL_SIGNATURE);
  MUST(X509_get_extended_key_usage(x.get()) == XKU_CODE_SIGN);
  MUST(ASN1_TIME_cmp_time_t(X509_get0_notAfter(x.get()),
                            facts.not_after.time_since_epoch().count()) == 0);
  CheckSan(x.get(), facts.san);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes(data, size);
  const auto facts = ca::ReadTbs(bytes);
  const auto linted = ca::Lint(schema::TbsDer(schema::ToBytes(bytes)), fuzz::TbsChain());
  if (!facts) {
    MUST(!linted);
    return 0;
  }
  CheckCompletion(bytes);
  if (linted) CheckCertificate(bytes, *facts);
  ERR_clear_error();
  return 0;
}
