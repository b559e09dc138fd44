// What verifiers need to trust this authority, in the form they read.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ca/issuing_cas.h"
#include "ca/log/log.h"
#include "ca/tsa/chain.h"
#include "schema/config.h"

namespace ca {

// sigstore TrustedRoot as proto3 JSON, media type …trustedroot+json;version=0.1: a certificate
// authority for each issuing CA, those that are prepared or retired too, and a CT log for each
// shard of the certificates log, in their order, and the next one if it is prepared. A log's logId
// is the SHA-256 of its key; windows start no later than the first use and have no end, but for a
// CA that is retired and a shard that is closed. `timestamps`: every timestamp authority there
// ever was (ca/tsa/kept_chains.h).
std::string TrustedRoot(const schema::Config& config, const IssuingCas& cas, const LogKeys& keys,
                        std::span<const TimestampChain> timestamps = {});

// sigstore SigningConfig, …signingconfig.v0.2+json: the signing API, and the timestamp authority
// when there is one. No transparency log for signatures and no OAuth server, which are others'.
std::string SigningConfig(const schema::Config& config, const IssuingCas& cas);

// …clienttrustconfig.v0.1+json: these two in one.
std::string ClientTrustConfig(const std::string& trusted_root, const std::string& signing_config);

// A document as JSON Lines: the same in one line, as `gh attestation verify` reads it.
std::string OneLine(const std::string& document);

// All certificates of all chains as PEM without trailing newlines, the active CA's chain first,
// each certificate once.
std::vector<std::string> AllCertificates(const IssuingCas& cas);

// The keys of both logs for those who read checkpoints: verifier keys (C2SP signed-note), one a
// line, after lines of comment. Of the certificates log the log key (type 05) and the note key
// (01), of the events log the note key. Those of closed shards follow.
std::string LogVerifierKeys(const schema::Config& config, const LogKeys& keys);

}  // namespace ca
