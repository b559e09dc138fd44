// The one place that makes Receipts; only sealer.cc includes it.
#pragma once

#include <utility>

#include "ca/log/log.h"

namespace ca {

struct ReceiptParts {
  std::uint64_t index;
  bool retry;
  schema::TbsDer tbs;
  std::optional<schema::CertDer> certificate;
};

class ReceiptMaker {
 public:
  static Receipt Make(ReceiptParts parts, schema::Sct sct) {
    Receipt receipt;
    receipt.index_ = parts.index;
    receipt.retry_ = parts.retry;
    receipt.tbs_ = std::move(parts.tbs);
    receipt.sct_ = std::move(sct);
    receipt.certificate_ = std::move(parts.certificate);
    return receipt;
  }
};

}  // namespace ca
