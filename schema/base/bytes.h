// Octets with a meaning: the tag is the meaning, so a TBSCertificate does not convert to a
// certificate.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace schema {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;
using Hash = std::array<std::uint8_t, 32>;  // SHA-256

template <class Tag>
class Octets {
 public:
  Octets() = default;
  explicit Octets(Bytes bytes) : bytes_(std::move(bytes)) {}

  BytesView view() const { return bytes_; }
  const Bytes& bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  friend bool operator==(const Octets&, const Octets&) = default;

 private:
  Bytes bytes_;
};

using TbsDer = Octets<struct TbsDerTag>;    // RFC 5280 4.1 TBSCertificate
using CertDer = Octets<struct CertDerTag>;  // RFC 5280 4.1 Certificate
using SpkiDer = Octets<struct SpkiDerTag>;  // RFC 5280 4.1.2.7 SubjectPublicKeyInfo
using NameDer = Octets<struct NameDerTag>;  // RFC 5280 4.1.2.4 Name
using Signature =
    Octets<struct SignatureTag>;  // ECDSA-Sig-Value DER (RFC 3279 2.2.3), or 64 octets Ed25519

inline BytesView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes ToBytes(BytesView view) { return Bytes(view.begin(), view.end()); }
inline bool Equal(BytesView a, BytesView b) { return std::ranges::equal(a, b); }

// Lower-case hexadecimal, two digits an octet.
std::string Hex(BytesView bytes);

Hash Sha256(BytesView bytes);

// Lower-case hexadecimal SHA-256 of a file's text: what events, /readyz and the operator's log name
// a policy or an issuers file by.
std::string TextDigest(std::string_view text);

}  // namespace schema
