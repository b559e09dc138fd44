// Digests as words that can be read aloud.
#pragma once

#include <string>

#include "schema/base/bytes.h"

namespace ca::ceremony {

// Proquints (arXiv 0901.4016): sixteen bits a word, "lusab-babad-…"; 32 octets are 16 words.
std::string Words(const schema::Hash& digest);

// The first four words, 64 bits: what a witness types.
std::string FirstWords(const schema::Hash& digest);

}  // namespace ca::ceremony
