// What the reader takes, the writer writes back octet for octet, at every level; and OpenSSL finds
// the same element at the same place.
#include <openssl/asn1.h>

#include <cstdint>

#include "schema/base/der.h"

namespace {

using schema::BytesView;
namespace der = schema::der;

constexpr int kDepth = 64;

void CheckOpenssl(const der::Element& element) {
  const unsigned char* at = element.whole.data();
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  const int flags =
      ASN1_get_object(&at, &length, &tag, &tag_class, static_cast<long>(element.whole.size()));
  MUST((flags & 0x81) == 0);  // neither an error nor an indefinite length
  MUST((tag | tag_class | (flags & V_ASN1_CONSTRUCTED)) == element.tag);
  MUST(at == element.content.data() && static_cast<std::size_t>(length) == element.content.size());
}

template <class Write>
void CheckWritten(BytesView whole, Write write) {
  der::Writer out;
  write(out);
  MUST(schema::Equal(out.view(), whole));
}

void CheckTyped(const der::Element& element) {
  const BytesView whole = element.whole;
  if (const auto value = der::Reader(whole).Boolean()) {
    CheckWritten(whole, [&](der::Writer& out) { out.Boolean(*value); });
  }
  if (const auto value = der::Reader(whole).UnsignedInteger()) {
    CheckWritten(whole, [&](der::Writer& out) { out.UnsignedInteger(*value); });
  }
  if (const auto value = der::Reader(whole).BitString()) {
    CheckWritten(whole, [&](der::Writer& out) { out.BitString(*value); });
  }
  if (const auto value = der::Reader(whole).Time()) {
    CheckWritten(whole, [&](der::Writer& out) { out.Time(*value); });
  }
  const std::string oid = der::OidText(element.content);
  if (oid != "invalid OID") MUST(schema::Equal(der::OidContent(oid), element.content));
}

void Copy(der::Reader in, der::Writer* out, int depth) {
  while (!in.AtEnd()) {
    const auto element = in.Any();
    if (!element) {
      MUST(element.error().Is(der::kBadDer));
      return;
    }
    CheckOpenssl(*element);
    CheckTyped(*element);
    der::Writer inside;
    if ((element->tag & 0x20) != 0 && depth < kDepth) {
      Copy(der::Reader(element->content), &inside, depth + 1);
    }
    const std::size_t mark = out->Begin(element->tag);
    const BytesView read = inside.view();
    MUST(schema::Equal(read, element->content.first(read.size())));
    out->Raw(read);
    out->Raw(element->content.subspan(read.size()));
    out->End(mark);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes(data, size);
  der::Writer out;
  Copy(der::Reader(bytes), &out, 0);
  MUST(schema::Equal(out.view(), bytes.first(out.view().size())));
  return 0;
}
