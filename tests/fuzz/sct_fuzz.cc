// An SCT list or a tree head that parses is, octet for octet, what its parts make; and no octets
// are both a tree head and a leaf.
#include <cstdint>

#include "schema/log/leaf.h"
#include "schema/log/sct.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const schema::BytesView bytes(data, size);
  if (const auto sct = schema::ParseSctList(bytes)) {
    MUST(sct->index < schema::kLeafIndexEnd && !sct->signature.empty());
    MUST(schema::Equal(schema::EncodeSctList(*sct), bytes));
  } else {
    MUST(sct.error().Is(schema::kBadSct));
  }
  if (const auto head = schema::ParseTreeHeadInput(bytes)) {
    MUST(schema::Equal(schema::TreeHeadInput(head->timestamp, head->size, head->root), bytes));
    MUST(!schema::ParseLeaf(bytes));
  } else {
    MUST(head.error().Is(schema::kBadSct));
  }
  return 0;
}
