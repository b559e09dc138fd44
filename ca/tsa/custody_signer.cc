#include "ca/tsa/custody_signer.h"

#include <utility>

#include "schema/base/limits.h"

namespace ca {

schema::Result<schema::Signature> CustodyStampSigner::Sign(schema::BytesView tst_info,
                                                           schema::BytesView signed_attributes) {
  schema::Bytes both = schema::ToBytes(tst_info);
  both.insert(both.end(), signed_attributes.begin(), signed_attributes.end());
  TRY(hsm::Signed answer, custody_.Sign(hsm::Purpose::kTimestamp, both,
                                        schema::Steady::now() + schema::limits::kHsmWait));
  return std::move(answer.signature);
}

}  // namespace ca
