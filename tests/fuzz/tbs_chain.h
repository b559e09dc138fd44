// The issuing CA of the seeds in corpus/tbs, as far as the lint looks at it.
#pragma once

#include "ca/chain.h"

namespace fuzz {

inline const ca::Chain& TbsChain() {
  static const ca::Chain chain = [] {
    ca::Chain out;
    // CN=a
    out.subject = schema::NameDer(
        {0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'a'});
    out.key_id = schema::Bytes(20, 0x11);
    out.not_before = schema::Time{std::chrono::seconds{1795251600}};  // 2026-11-21T09:00:00Z
    out.not_after = out.not_before + std::chrono::hours{24 * 365};
    return out;
  }();
  return chain;
}

}  // namespace fuzz
