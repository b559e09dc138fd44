// Private keys in files: log and note keys, read in the log's signer only; and a witness's.
#pragma once

#include <filesystem>
#include <memory>

#include "hsm/key.h"

namespace hsm {

enum class FileKeyKind { kEcdsaP256, kEd25519 };

// An unencrypted PEM file (PKCS#8, or SEC 1 for ECDSA) closed to group and others, with one key of
// this kind. kKeyUnusable otherwise.
schema::Result<std::unique_ptr<SigningKey>> OpenFileKey(const std::filesystem::path& file,
                                                        FileKeyKind kind);

// A new key in a new file: PEM (PKCS#8), mode 0400. kKeyUnusable, also when the file is there.
schema::Outcome GenerateFileKey(const std::filesystem::path& file, FileKeyKind kind);

// The last 32 octets of an Ed25519 SubjectPublicKeyInfo (RFC 8410 4).
schema::Bytes RawEd25519(const schema::SpkiDer& spki);

}  // namespace hsm
