// What both writers of certificates share: extensions, and the name of a key.
#pragma once

#include <array>
#include <cstdint>

#include "schema/base/bytes.h"
#include "schema/base/der.h"

namespace ca {

// SHA-1 of the content of subjectPublicKey (RFC 5280 4.2.1.2 method 1): a name, which protects
// nothing.
std::array<std::uint8_t, 20> KeyIdOf(schema::BytesView key_bits);

// An extension is open between construction and destruction: its value is written meanwhile.
class OpenExtension {
 public:
  OpenExtension(schema::der::Writer* out, schema::BytesView name, bool critical)
      : out_(out), sequence_(out->Begin(schema::der::kSequence)) {
    out->Oid(name);
    if (critical) out->Boolean(true);
    value_ = out->Begin(schema::der::kOctetString);
  }
  OpenExtension(const OpenExtension&) = delete;
  OpenExtension& operator=(const OpenExtension&) = delete;
  ~OpenExtension() {
    out_->End(value_);
    out_->End(sequence_);
  }

 private:
  schema::der::Writer* out_;
  std::size_t sequence_, value_ = 0;
};

// AuthorityKeyIdentifier: the keyIdentifier alone (RFC 5280 4.2.1.1).
void WriteAuthorityKeyId(schema::der::Writer* out, schema::BytesView key_id);

}  // namespace ca
