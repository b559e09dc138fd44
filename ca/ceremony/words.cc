#include "ca/ceremony/words.h"

namespace ca::ceremony {
namespace {

constexpr std::string_view kConsonants = "bdfghjklmnprstvz";
constexpr std::string_view kVowels = "aiou";
constexpr std::size_t kTypedWords = 4;
constexpr std::size_t kWordLetters = 5;

}  // namespace

std::string Words(const schema::Hash& digest) {
  std::string out;
  for (std::size_t i = 0; i < digest.size(); i += 2) {
    const unsigned bits = static_cast<unsigned>(digest[i]) << 8 | digest[i + 1];
    if (i > 0) out += '-';
    out += kConsonants[bits >> 12];
    out += kVowels[bits >> 10 & 3];
    out += kConsonants[bits >> 6 & 15];
    out += kVowels[bits >> 4 & 3];
    out += kConsonants[bits & 15];
  }
  return out;
}

std::string FirstWords(const schema::Hash& digest) {
  return Words(digest).substr(0, kTypedWords * (kWordLetters + 1) - 1);
}

}  // namespace ca::ceremony
