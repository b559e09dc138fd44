// What a ceremony makes, as a function of its record: certificates to sign, keys to hold, files to
// write.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ca/ceremony/record.h"

namespace ca::ceremony {

// A certificate that a step signs.
struct Making {
  std::string_view certificate;  // names.h
  std::string_view issuer;       // certificate and key that sign
};
// In order of making.
std::vector<Making> CertificatesOf(Step step, const Plan& plan);
// Keys that the step opens or makes: those that sign in it, and those that come to be in it.
std::vector<std::string_view> KeysOf(Step step, const Plan& plan);

// kBadTranscript when a key or certificate that it rests on is not there yet.
schema::Result<CaTerms> TermsOf(std::string_view certificate, const Record& record);
// CertificationRequestInfo (RFC 2986 4.1) of the issuing CA's subject and key.
schema::Result<schema::Bytes> RequestInfoOf(const Record& record);

// Names and contents of the files that the step leaves beside the transcript.
std::vector<std::pair<std::string, std::string>> FilesOf(Step step, const Record& record);

}  // namespace ca::ceremony
