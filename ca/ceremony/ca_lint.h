// What a CA certificate has to be before its issuer signs it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ca/ceremony/ca_certificate.h"

namespace ca::ceremony {

// Ids of the rules, in the order in which they are judged.
std::vector<std::string> CaLintRules();

// A TBSCertificate that broke none of them: nothing else is signed.
class LintedCa {
 public:
  LintedCa(LintedCa&&) = default;
  LintedCa& operator=(LintedCa&&) = default;
  schema::BytesView tbs() const { return tbs_.view(); }

 private:
  friend schema::Result<LintedCa> LintCa(schema::TbsDer tbs, const CaTerms& wanted,
                                         const CaTerms* issuer);
  explicit LintedCa(schema::TbsDer tbs) : tbs_(std::move(tbs)) {}
  schema::TbsDer tbs_;
};

// Reads the octets back, by a parser that shares nothing with the writer but der::Reader, and holds
// them against the rules, against what was wanted, and against the issuer's certificate.
//
//   wanted  what the plan and the keys ask for
//   issuer  the terms of the certificate that signs; null when it is self-signed
//
// kLint (linted.h): the detail is "RULE (SOURCE): what was found".
schema::Result<LintedCa> LintCa(schema::TbsDer tbs, const CaTerms& wanted, const CaTerms* issuer);

}  // namespace ca::ceremony
