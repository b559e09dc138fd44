// A transcript for paper: to be printed, signed by hand, and compared later.
#pragma once

#include <string>
#include <string_view>

namespace ca::ceremony {

// A function of the transcript's text alone, so that anybody may print it again. `transcript` is
// one that ReadTranscript accepts.
std::string PrintableText(std::string_view transcript);

}  // namespace ca::ceremony
