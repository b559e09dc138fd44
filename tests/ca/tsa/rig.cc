#include "tests/ca/tsa/rig.h"

namespace rig {

Specs::Specs() {
  root.common_name = "Root";
  intermediate.common_name = "Timestamp CA";
  intermediate.extended_key_usage = "timeStamping";
  authority.common_name = "Timestamps";
  authority.basic_constraints = "critical,CA:FALSE";
  authority.key_usage = "critical,digitalSignature";
  authority.extended_key_usage = "critical,timeStamping";
}

Certificates::Certificates(const Specs& specs, std::string_view kind)
    : root_key_(support::MakeKey("P-256")),
      intermediate_key_(support::MakeKey("P-256")),
      key_(support::MakeKey(kind)),
      root_(support::MakeCertificate(specs.root, root_key_.get())) {
  const support::Issuer root{root_.get(), root_key_.get()};
  intermediate_ = support::MakeCertificate(specs.intermediate, intermediate_key_.get(), &root);
  const support::Issuer issuer{intermediate_.get(), intermediate_key_.get()};
  authority_ = support::MakeCertificate(specs.authority, key_.get(), &issuer);
}

std::string Certificates::Pem() const {
  return support::PemOf(authority_.get()) + support::PemOf(intermediate_.get()) +
         support::PemOf(root_.get());
}

ca::TimestampChain Certificates::Load() const {
  auto chain = ca::LoadTimestampChain(Pem(), support::kNow);
  MUST(chain.has_value());
  return *std::move(chain);
}

schema::Result<schema::Signature> SoftwareSigner::Sign(schema::BytesView tst_info,
                                                       schema::BytesView signed_attributes) {
  if (failure != nullptr) return schema::Error{failure, "as the test wants it"};
  last = schema::ToBytes(tst_info);
  last.insert(last.end(), signed_attributes.begin(), signed_attributes.end());
  return schema::Signature(support::SignWith(key_, "SHA256", signed_attributes));
}

OwnedTsRequest MakeRequest(const Asked& asked) {
  const EVP_MD* const digest = EVP_get_digestbyname(asked.digest);
  MUST(digest != nullptr);
  schema::Bytes hash(static_cast<std::size_t>(EVP_MD_get_size(digest)), 0x5a);
  using Imprint = schema::Owned<TS_MSG_IMPRINT, TS_MSG_IMPRINT_free>;
  using Algorithm = schema::Owned<X509_ALGOR, X509_ALGOR_free>;
  OwnedTsRequest request(TS_REQ_new());
  const Imprint imprint(TS_MSG_IMPRINT_new());
  const Algorithm algorithm(X509_ALGOR_new());
  MUST(X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(EVP_MD_get_type(digest)), V_ASN1_NULL,
                       nullptr) == 1);
  MUST(TS_MSG_IMPRINT_set_algo(imprint.get(), algorithm.get()) == 1);
  MUST(TS_MSG_IMPRINT_set_msg(imprint.get(), hash.data(), static_cast<int>(hash.size())) == 1);
  MUST(TS_REQ_set_version(request.get(), 1) == 1);
  MUST(TS_REQ_set_msg_imprint(request.get(), imprint.get()) == 1);
  if (asked.nonce != 0) {
    using Integer = schema::Owned<ASN1_INTEGER, ASN1_INTEGER_free>;
    const Integer nonce(ASN1_INTEGER_new());
    MUST(ASN1_INTEGER_set(nonce.get(), asked.nonce) == 1);
    MUST(TS_REQ_set_nonce(request.get(), nonce.get()) == 1);
  }
  if (asked.policy != nullptr) {
    using Oid = schema::Owned<ASN1_OBJECT, ASN1_OBJECT_free>;
    const Oid policy(OBJ_txt2obj(asked.policy, 1));
    MUST(TS_REQ_set_policy_id(request.get(), policy.get()) == 1);
  }
  MUST(TS_REQ_set_cert_req(request.get(), asked.certificates ? 1 : 0) == 1);
  return request;
}

schema::Bytes DerOf(TS_REQ* request) {
  unsigned char* der = nullptr;
  const int size = i2d_TS_REQ(request, &der);
  MUST(size > 0);
  schema::Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace rig
