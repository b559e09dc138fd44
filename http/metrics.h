// Prometheus metrics: Fulcio's names and labels kept exactly, ours beside them under chancery_.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ca/log/log.h"
#include "hsm/custody.h"
#include "http/reload.h"
#include "oidc/verifier.h"

namespace http {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // One answered request on the public endpoint; `seconds` from its last byte read to its answer
  // made. A method that RFC 9110 does not name counts as "other".
  void CountRequest(std::string_view method, int status, double seconds);
  // How a signing request ended: "granted", "retry" or the refusal's id.
  void CountIssuance(std::string_view result);
  // How a timestamp request ended: "granted", or the refusal's id.
  void CountTimestamp(std::string_view result);
  // Whether the timestamp authority would answer now; never called without one.
  void ShowTimestamps(bool up);
  // Whether the clock lets certificates be issued: true until told otherwise.
  void ShowClock(bool kept);
  // A signing or timestamp request that was one too many of its address.
  void CountRateLimited();

  // Prometheus text exposition; the states are those of this moment.
  std::string Render(const hsm::CustodyState& custody, const ca::LogState& log,
                     const std::vector<oidc::IssuerHealth>& issuers,
                     const std::vector<FileState>& files);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace http
