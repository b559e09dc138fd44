// The SCT in a certificate.
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/result.h"
#include "schema/log/sct.h"

namespace ca {

// Of its list, which has one (RFC 6962 3.3). kSctMismatch, or what the parsers say.
schema::Result<schema::Sct> SctOf(const schema::CertDer& certificate);

}  // namespace ca
