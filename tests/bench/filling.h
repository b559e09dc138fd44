// What benchmarks fill logs with: facts that follow from an index, and certificates made of them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "tests/ca/log/house.h"

namespace bench {

// A benchmark ends with what went wrong.
inline void Must(const schema::Outcome& outcome) {
  if (!outcome) std::fprintf(stderr, "%s\n", outcome.error().Describe().c_str());
  MUST(outcome);
}
template <class T>
T Must(schema::Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().Describe().c_str());
  MUST(result);
  return *std::move(result);
}

// SplitMix64: what an index is filled with can be asked for later.
std::uint64_t Mix(std::uint64_t x);

// As the server makes them: by time, then at random.
std::string RequestId(std::uint64_t ms, std::uint64_t random);

struct Facts {
  std::string workflow, san, subject, issuer, request_id;
  schema::Bytes serial;  // 20 octets
};
// Of `size` certificates, about a hundred of each workflow, a tenth of a second apart.
Facts FactsOf(std::uint64_t index, std::uint64_t size);

// A TBSCertificate whose serial and SAN are put in place.
class Template {
 public:
  explicit Template(log_test::House& house);
  const schema::Bytes& Tbs(const Facts& facts);

 private:
  std::ptrdiff_t At(const schema::Bytes& part) const;
  schema::Bytes tbs_;
  std::ptrdiff_t serial_at_ = 0, workflow_at_ = 0;
};

}  // namespace bench
