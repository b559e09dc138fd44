// The timestamp authority's key where it is: in the log's signer process.
#pragma once

#include "ca/tsa/authority.h"
#include "hsm/custody.h"

namespace ca {

class CustodyStampSigner final : public StampSigner {
 public:
  explicit CustodyStampSigner(hsm::Custody& custody) : custody_(custody) {}  // outlives it

  // Within limits::kHsmWait, or hsm::kSignerUnavailable; hsm::kSignerRefused.
  schema::Result<schema::Signature> Sign(schema::BytesView tst_info,
                                         schema::BytesView signed_attributes) override;

 private:
  hsm::Custody& custody_;
};

}  // namespace ca
