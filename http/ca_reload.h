// Brings a new ca.rotation into force while certificates are issued.
#pragma once

#include <string>
#include <vector>

#include "ca/authority.h"
#include "ca/issuing_cas.h"
#include "ca/log/log.h"
#include "hsm/custody.h"
#include "schema/config.h"

namespace http {

// The text of ca.rotation; empty while there is no such file.
schema::Result<std::string> ReadRotationText(const schema::Config& config);
// What it says; of the empty text: the CA of ca.chain and ca.key alone.
schema::Result<schema::Rotation> RotationIn(const schema::Config& config, const std::string& text);

// For one thread at a time; all arguments outlive it.
class CaReload {
 public:
  CaReload(const schema::Config& config, const ca::CasInForce& cas, hsm::Custody& custody,
           ca::Authority& authority, ca::Log& log, const schema::Clock& clock)
      : config_(config),
        cas_(cas),
        custody_(custody),
        authority_(authority),
        log_(log),
        clock_(clock) {}

  // Signers of new CAs come up first; then the CAs are published and the active one signs; last,
  // the signers of retired ones are sent away. A CA whose entries are not all published yet keeps
  // its signers: Fault::kBusy, to be called again. Blocks while signers start.
  schema::Outcome Load(const std::string& text);

 private:
  const schema::Config& config_;
  const ca::CasInForce& cas_;
  hsm::Custody& custody_;
  ca::Authority& authority_;
  ca::Log& log_;
  const schema::Clock& clock_;
  // Entries from here on are of the active CA alone.
  std::uint64_t handed_over_ = 0;
  std::vector<std::string> manned_;  // CAs with signers
};

}  // namespace http
