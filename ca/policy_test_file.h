// `policy test`: cases written beside the policy, each an identity and what must become of it. The
// file's shape is schema/policy_test.schema.json, an example config/policy_test.yaml.
//
//   policy: policy.yaml          which policy, relative to this file; --policy says another
//   now: 2026-11-21T10:00:00Z    for `expires`, of every case without its own
//   bases: {…}                   anything; a place for YAML anchors
//   cases:
//     - name: a release          unique
//       issuer: github           short name or URL of the policy's issuer
//       claims: {<<: *base, …}   as JSON would have them; a number is one that JSON can write
//       key: ecdsa-p256          default
//       expect: payments-release the rule that must decide; or default-deny, deny-rule, key
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/asked.h"
#include "ca/policy.h"
#include "schema/base/document.h"
#include "schema/base/json.h"

namespace ca {

struct PolicyCase {
  std::string name;
  std::string issuer;
  schema::Json claims;  // an object
  std::string key = "ecdsa-p256";
  std::optional<schema::Time> now;
  std::string expect;
  int line = 0;
};
struct PolicyTestFile {
  std::string policy;  // as written; empty: not said
  std::vector<PolicyCase> cases;
};

// kBadInput names path, line and what is wrong. Cases without `now` get the file's, if it has one.
// Safe on any bytes (tests/fuzz/policy_test_file_fuzz.cc).
schema::Result<PolicyTestFile> ParsePolicyTests(std::string_view text);

struct CaseResult {
  const PolicyCase* of;
  bool passed;
  std::string found;    // the verdict, or why the case cannot be judged
  std::string explain;  // of a case that failed and could be judged
};
struct TestResult {
  std::vector<CaseResult> cases;
  std::vector<std::string> untested;  // rules that no case expects
  std::size_t failed = 0;
};
// `now` is for the cases that have none.
TestResult RunPolicyTests(const Policy& policy, const PolicyTestFile& file, schema::Time now);

std::string TestReport(const TestResult& result);  // safe for a terminal
schema::Json TestJson(const TestResult& result);

}  // namespace ca
