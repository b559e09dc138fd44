// Signatures that nobody accounts for: more than signers were asked for, or more certificates than
// the log gave leave to sign.
#pragma once

#include <string>
#include <vector>

#include "ca/log/log.h"
#include "hsm/custody.h"

namespace http {

struct Excess {
  hsm::SignatureCount count;  // `count.excess` is the larger of the two
  // Of certificates only: entries given to be signed for the first time in this run, and again.
  std::uint64_t entered = 0, retried = 0;

  // "2 signatures of purpose certificate more than were asked for"
  std::string Text() const;
};

// What holds for every purpose, and for certificates against the log:
//
//   made <= asked
//   made <= entered + retried + again
//
// `custody` has to be read before `log`: an entry is counted before its signature is asked for, so
// that no honest moment breaks the second. A signer that was lost may have made one more than it
// said, which breaks neither.
std::vector<Excess> FindExcess(const hsm::CustodyState& custody, const ca::LogState& log);

}  // namespace http
