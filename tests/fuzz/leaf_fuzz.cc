// A leaf that parses is, octet for octet, the leaf that its parts make; and never a tree head.
#include <cstdint>

#include "schema/log/leaf.h"
#include "schema/log/sct.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const schema::BytesView bytes(data, size);
  const auto leaf = schema::ParseLeaf(bytes);
  if (!leaf) {
    MUST(leaf.error().Is(schema::kBadLeaf));
    return 0;
  }
  MUST(leaf->index < schema::kLeafIndexEnd);
  const schema::LeafBytes again =
      schema::EncodeLeaf(leaf->timestamp, leaf->index, leaf->issuer_key_hash, leaf->tbs.view());
  MUST(schema::Equal(again.view(), bytes));
  MUST(!schema::ParseTreeHeadInput(bytes));
  return 0;
}
