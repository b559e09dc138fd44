// Attributes of a Name, for people and documents.
#pragma once

#include <openssl/x509.h>

#include <string>

namespace ca {

// The first attribute of this type as UTF-8; "" when there is none.
std::string NameText(const X509_NAME* name, int nid);

}  // namespace ca
