// A TBSCertificate that passed the lint: nothing else can be entered in the log.
#pragma once

#include <chrono>
#include <utility>

#include "ca/chain.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

extern const schema::ErrorKind kLint;  // kUs: our own profile went wrong; the detail names the rule

class Linted {
 public:
  Linted(Linted&&) = default;
  Linted& operator=(Linted&&) = default;
  schema::BytesView tbs() const { return tbs_.view(); }

 private:
  friend schema::Result<Linted> Lint(schema::TbsDer tbs, const Chain& chain,
                                     std::chrono::seconds longest);
  explicit Linted(schema::TbsDer tbs) : tbs_(std::move(tbs)) {}
  schema::TbsDer tbs_;
};

// RFC 5280 4.1/4.2 and the code-signing profile, read back from the bytes by a parser that shares
// nothing with the writer but der::Reader: version, serial size and sign, issuer, validity order
// and form, empty subject with critical SAN, extension set, order, criticality, no duplicates, AKI,
// KU, EKU, string encodings, size.
//
//   longest  what the validity may span: lifetime and backdate; by default what a configuration can
//            ask for at most
inline constexpr std::chrono::seconds kLongestValidity = std::chrono::minutes{24 * 60 + 5};
schema::Result<Linted> Lint(schema::TbsDer tbs, const Chain& chain,
                            std::chrono::seconds longest = kLongestValidity);

}  // namespace ca
