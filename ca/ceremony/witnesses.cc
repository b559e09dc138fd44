#include "ca/ceremony/witnesses.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "ca/ceremony/words.h"

namespace ca::ceremony {

using schema::Result;

const schema::ErrorKind kNotConfirmed{
    "ceremony-not-confirmed", schema::Fault::kUs,
    "a witness did not confirm; find out why before the step is held again"};

namespace {

constexpr int kTries = 3;

// Capitals and blanks are no other words.
std::string Normal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) out += static_cast<char>(c | 0x20);
    if (!letter && !out.empty() && out.back() != '-') out += '-';
  }
  while (out.ends_with('-')) out.pop_back();
  return out;
}

}  // namespace

Result<std::optional<std::string>> TerminalWitnesses::Confirm(const std::string& witness,
                                                              std::string_view what,
                                                              const schema::Hash& digest) {
  std::printf("\nThe %s reads, as SHA-256 and in words:\n  %s\n  %s\n", std::string(what).c_str(),
              schema::Hex(digest).c_str(), Words(digest).c_str());
  for (int i = 0; i < kTries; ++i) {
    std::printf("%s, type its first four words to confirm it: ", witness.c_str());
    std::fflush(stdout);
    std::string typed;
    if (!std::getline(std::cin, typed)) break;
    if (Normal(typed) == FirstWords(digest)) return std::optional(Normal(typed));
    std::printf("These are other words.\n");
  }
  return schema::Error{&kNotConfirmed, witness + ", the " + std::string(what)};
}

}  // namespace ca::ceremony
