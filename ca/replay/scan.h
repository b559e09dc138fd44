// The members of an event that a policy may read, found without building a tree of the rest: a
// replay reads a million events, and most of each is of no interest to it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ca {

// Raw JSON values, quotes and escapes included, as they stand in the text; empty: not there.
struct EventSlices {
  std::string_view type, issuer, subject, key_algorithm, rule, time, request_id;
  std::vector<std::string_view> claims;  // by position in the scanner's list
  std::string_view more;                 // the claim that says that claims were left out
};

class EventScanner {
 public:
  // Names of the claims wanted.
  explicit EventScanner(const std::vector<std::string>& claims);

  // False when the text is not an object in the form our log writes: no space between tokens, names
  // escaped as schema::AppendJson does, no member twice among those wanted. What it says of a text
  // that schema::ParseJson takes is what that finds (tests/fuzz/scan_fuzz.cc); values that are not
  // wanted are skipped, not judged. Does not allocate once `out` has its size.
  bool Scan(std::string_view text, EventSlices* out) const;

 private:
  struct Wanted {
    std::string name;  // as JSON text
    std::size_t position;
  };
  bool ScanClaims(std::string_view* rest, EventSlices* out) const;
  std::string_view* SlotOf(std::string_view name, EventSlices* out) const;

  std::vector<Wanted> wanted_;  // sorted by name
};

}  // namespace ca
