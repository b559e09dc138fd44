// Which public keys are worth certifying.
#pragma once

#include <span>

#include "ca/spki.h"

namespace ca {

// kKeyWeak unless RSA of exactly 2048, 3072 or 4096 bits, e = 65537, no factor below 752, not of
// the ROCA form (CVE-2017-15361), not the product of two close primes (100 rounds of Fermat's
// method); or any other type, whose points LoadKey checks. About 10 µs for RSA-2048. Does not
// block.
schema::Outcome CheckStrength(const RawKey& key);

// "ecdsa-p256", "rsa-2048", "ed25519"; for keys that passed CheckStrength.
std::string_view AlgorithmName(const RawKey& key);
std::span<const std::string_view> AlgorithmNames();  // all of them, sorted

}  // namespace ca
