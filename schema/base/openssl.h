// Owners for OpenSSL's handles: one deleter for all, never a hand-written owner class.
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <type_traits>

namespace schema {

template <auto Function>
struct Freer {
  template <class T>
  void operator()(T* p) const noexcept {
    Function(p);
  }
};
template <class T, auto Function>
using Owned = std::unique_ptr<T, Freer<Function>>;

using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedKeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using OwnedDigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using OwnedCert = Owned<X509, X509_free>;
using OwnedBio = Owned<BIO, BIO_free_all>;
using OwnedBignum = Owned<BIGNUM, BN_free>;
using OwnedEcdsaSig = Owned<ECDSA_SIG, ECDSA_SIG_free>;
static_assert(sizeof(OwnedCert) == sizeof(X509*) && !std::is_copy_constructible_v<OwnedCert>);

// The newest message of this thread's OpenSSL error queue, which is emptied. For Error::detail.
std::string OpensslError();

}  // namespace schema
