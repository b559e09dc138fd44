// What the commit that enters a grant counts and notices besides its token.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "schema/base/bytes.h"

namespace ca {

// At most `limit` certificates within `window` before now, the new one included. Those entered
// count, whether or not a certificate came of them; a retry is not a new one.
struct Budget {
  schema::Hash bucket;  // what is counted together
  std::uint64_t limit;  // at least 1
  std::chrono::seconds window;
  std::string text;  // as a refusal names it: "per-run: 3"
};

enum class TraitKind { kRepository, kWorkflow, kRunner, kKey };
inline constexpr std::array<std::string_view, 4> kTraitNames = {"repository", "workflow",
                                                                "runner-environment", "key-type"};

// Something of a certificate whose first appearance, for each issuer, is worth an event.
struct Trait {
  TraitKind kind;
  std::string value;  // what is compared; not empty
  std::string name;   // said beside it when it is an id; may be empty
};

}  // namespace ca
