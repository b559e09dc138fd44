#include "ca/log/gzip.h"

#include <zlib.h>

#include "schema/base/result.h"

namespace ca {

schema::Bytes Gzip(std::string_view text) {
  constexpr int kWindowBitsGzip = MAX_WBITS + 16;  // zlib.h: a gzip header and trailer
  z_stream stream{};
  MUST(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWindowBitsGzip, MAX_MEM_LEVEL - 1,
                    Z_DEFAULT_STRATEGY) == Z_OK);
  schema::Bytes out(deflateBound(&stream, text.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  MUST(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace ca
