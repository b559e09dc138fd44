#include "http/framing.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/http/canonical.h"

namespace {

using http::Framed;
using http::Framer;
using http::FramingLimits;
using State = http::Framer::State;

constexpr FramingLimits kLimits{1024, 64};

struct Result {
  std::vector<std::string> requests;  // canonical
  State state;
  std::string error;  // the kind's id, or ""
  friend bool operator==(const Result&, const Result&) = default;
};

Result Run(const std::vector<std::string>& pieces, FramingLimits limits = kLimits) {
  Framer framer(limits);
  Result result;
  for (const std::string& piece : pieces) {
    framer.Feed(piece);
    while (framer.state() == State::kReady)
      result.requests.push_back(support::Canonical(framer.Take()));
  }
  result.state = framer.state();
  if (result.state == State::kBroken) result.error = framer.error().kind->id;
  return result;
}

Framed One(const std::string& bytes) {
  Framer framer(kLimits);
  framer.Feed(bytes);
  REQUIRE_MESSAGE(framer.state() == State::kReady, bytes);
  return framer.Take();
}

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kPost = "POST /x?y=1 HTTP/1.1\r\nHost: a.b:80\r\nContent-Length: 5\r\n\r\nhello";
const std::string kChunked =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;x=\"y\"\r\nhello\r\n00000a\r\n0123456789\r\n0\r\nTrailer: gone\r\n\r\n";

std::string Head(const std::string& line) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n";
}
std::string Line(const std::string& line) { return line + "\r\nHost: a\r\n\r\n"; }
std::string Post(const std::string& lines, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n\r\n" + body;
}
std::string Chunks(const std::string& body) { return Post("Transfer-Encoding: chunked", body); }

}  // namespace

TEST_CASE("a request comes out as it was meant") {
  const Framed framed =
      One("POST /a%41%2f%7E/?q=%20&r?s HTTP/1.1\r\nHOST:\t h.example:1 \r\nX-A:b\r\nx-a: c d\r\n"
          "Content-Length: 005\r\n\r\nhello");
  CHECK(framed.request.method == "POST");
  CHECK(framed.request.path == "/aA%2F~/");
  CHECK(framed.request.query == "q=%20&r?s");
  CHECK(framed.request.body == "hello");
  CHECK(framed.keep_alive);
  REQUIRE(framed.request.headers.size() == 3);
  CHECK(framed.request.headers[0] == http::Header("host", "h.example:1"));
  CHECK(*framed.request.Find("x-a") == "b");
  CHECK(framed.request.Find("content-length") == nullptr);
}

TEST_CASE("chunks are joined, extensions and trailers dropped") {
  const Framed framed = One(kChunked);
  CHECK(framed.request.body == "hello0123456789");
  CHECK(framed.request.Find("trailer") == nullptr);
  CHECK(framed.request.Find("transfer-encoding") == nullptr);
}

TEST_CASE("accepted") {
  const std::vector<std::string> cases = {
      kGet,
      kPost,
      kChunked,
      "\r\n" + kGet,
      Line("OPTIONS * HTTP/1.1"),
      Line("PROPFIND / HTTP/1.1"),
      Line("GET /a:b@c;d=e,f!$&'()*+ HTTP/1.1"),
      "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
      Head("X:"),
      Head("X: \xc3\xa4\t\x80"),
      "GET / HTTP/1.1\r\nHost: [::1]:443\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n",
      Head("Content-Length: 0"),
      Post("Content-Length: 64", std::string(64, 'x')),
      Chunks("0\r\n\r\n"),
      Chunks("40\r\n" + std::string(64, 'x') + "\r\n0\r\n\r\n"),
      Post("Transfer-Encoding: CHUNKED", "0\r\n\r\n"),
      Chunks("1\r\na\r\n1\r\nb\r\n0\r\n\r\n"),
      Head("Expect: 100-Continue"),
      Head("Connection: a, b\r\nConnection: close"),
      "GET / HTTP/1.0\r\nExpect: else\r\n\r\n",
  };
  for (const std::string& bytes : cases) {
    CAPTURE(bytes);
    const Result result = Run({bytes});
    CHECK(result.requests.size() == 1);
    CHECK(result.state == State::kIdle);
    for (const std::string& request : result.requests) {
      CHECK(Run({request}).requests == std::vector<std::string>{request});
    }
  }
}

TEST_CASE("refused, each for its reason") {
  struct Row {
    std::string bytes;
    std::string kind;
  };
  const std::string nul(1, '\0');
  const std::vector<Row> rows = {
      {Line("GET /"), "bad-request-line"},
      {Line("GET  / HTTP/1.1"), "bad-target"},
      {Line(" GET / HTTP/1.1"), "bad-request-line"},
      {Line("GET / HTTP/1.1 "), "bad-version"},
      {Line("G@T / HTTP/1.1"), "bad-request-line"},
      {Line(std::string(33, 'A') + " / HTTP/1.1"), "bad-request-line"},
      {"\r\n\r\n" + kGet, "bad-request-line"},
      {Line("GET\t/\tHTTP/1.1"), "bad-request-line"},
      {Line("GET / HTTP/1.2"), "bad-version"},
      {Line("GET / HTTP/2.0"), "bad-version"},
      {Line("GET / http/1.1"), "bad-version"},
      {Line("GET / H"), "bad-version"},
      {Line("GET / "), "bad-version"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad-version"},
      {Line("GET http://a/ HTTP/1.1"), "bad-target"},
      {Line("CONNECT a:443 HTTP/1.1"), "bad-target"},
      {Line("GET * HTTP/1.1"), "bad-target"},
      {Line("GET /% HTTP/1.1"), "bad-target"},
      {Line("GET /%4 HTTP/1.1"), "bad-target"},
      {Line("GET /%zz HTTP/1.1"), "bad-target"},
      {Line("GET /a#b HTTP/1.1"), "bad-target"},
      {Line("GET /a\"b HTTP/1.1"), "bad-target"},
      {Line("GET /a\\b HTTP/1.1"), "bad-target"},
      {Line("GET /\xff HTTP/1.1"), "bad-target"},
      {Line("GET /?%4 HTTP/1.1"), "bad-target"},
      {Line("GET /?<> HTTP/1.1"), "bad-target"},
      {"GET / HTTP/1.1\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad-host"},
      {Head("Host: a"), "bad-host"},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: [g::]\r\n\r\n", "bad-host"},
      {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "bad-host"},
      {Head("nothing"), "bad-header"},
      {Head(": x"), "bad-header"},
      {Head("X : y"), "bad-header"},
      {Head("X\t: y"), "bad-header"},
      {Head("X(y): z"), "bad-header"},
      {Head("X: y\r\n folded"), "bad-header"},
      {Head("X: y\r\n\tfolded"), "bad-header"},
      {Head("X: a" + nul + "b"), "bad-header"},
      {Head("X: a\x01"), "bad-header"},
      {Head("X: a\x7f"), "bad-header"},
      {Head("X: a\rY: b"), "bad-header"},
      {Head("X: a\nY: b"), "bad-header"},
      {"GET / HTTP/1.1\nHost: a\n\n", "bad-header"},
      {"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "bad-header"},
      {"\x16\x03\x01\x02", "bad-header"},  // TLS
      {Head("Authorization: a\r\nauthorization: a"), "bad-header"},
      {Head("Content-Type: a\r\nContent-Type: a"), "bad-header"},
      {Post("Content-Length: 1\r\nContent-Length: 2", "x"), "bad-length"},
      {Post("Content-Length: 1\r\nContent-Length: 1", "x"), "bad-length"},
      {Post("Content-Length: 1, 1", "x"), "bad-length"},
      {Post("Content-Length: +1", "x"), "bad-length"},
      {Post("Content-Length: -1", "x"), "bad-length"},
      {Post("Content-Length: 0x1", "x"), "bad-length"},
      {Post("Content-Length: 1 1", "x"), "bad-length"},
      {Post("Content-Length: abc", "x"), "bad-length"},
      {Post("Content-Length:", "x"), "bad-length"},
      {Post("Content-Length: 65", ""), "body-too-large"},
      {Post("Content-Length: 10000000000", ""), "body-too-large"},
      {Post("Content-Length: 18446744073709551617", ""), "body-too-large"},
      {Post("Content-Length: 1\r\nTransfer-Encoding: chunked", "x"), "bad-length"},
      {Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", ""), "bad-length"},
      {Post("Transfer-Encoding: gzip, chunked", ""), "bad-length"},
      {Post("Transfer-Encoding: chunked, chunked", ""), "bad-length"},
      {Post("Transfer-Encoding: identity", ""), "bad-length"},
      {Post("Transfer-Encoding: xchunked", ""), "bad-length"},
      {Post("Transfer-Encoding:", ""), "bad-length"},
      {Post("Transfer-Encoding : chunked", ""), "bad-header"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad-length"},
      {Head("Expect: 200-ok"), "bad-expect"},
      {Head("Expect: 100-continue\r\nExpect: 100-continue"), "bad-expect"},
      {Chunks("\r\n"), "bad-chunk"},
      {Chunks("g\r\n"), "bad-chunk"},
      {Chunks("5 \r\nhello\r\n"), "bad-chunk"},
      {Chunks(" 5\r\nhello\r\n"), "bad-chunk"},
      {Chunks("0x5\r\nhello\r\n"), "bad-chunk"},
      {Chunks("-5\r\n"), "bad-chunk"},
      {Chunks("+5\r\nhello\r\n"), "bad-chunk"},
      {Chunks("5\nhello\r\n"), "bad-chunk"},
      {Chunks("5\r\nhelloX\r\n"), "bad-chunk"},
      {Chunks("5\r\nhello\n"), "bad-chunk"},
      {Chunks("5\r\nhello\rX"), "bad-chunk"},
      {Chunks("5;a=\x01\r\nhello\r\n"), "bad-chunk"},
      {Chunks("000000005\r\nhello\r\n"), "bad-chunk"},
      {Chunks("ffffffffffffffff\r\n"), "bad-chunk"},
      {Chunks("5;" + std::string(300, 'x')), "bad-chunk"},
      {Chunks("41\r\n"), "body-too-large"},
      {Chunks("ffffffff\r\n"), "body-too-large"},
      {Chunks("40\r\n" + std::string(64, 'x') + "\r\n1\r\n"), "body-too-large"},
      {Chunks("0\r\nbad trailer\r\n\r\n"), "bad-header"},
      {Chunks("0\r\nX: y\n\r\n"), "bad-header"},
      {Chunks("0\r\nX: " + std::string(9000, 'x')), "bad-header"},
      {std::string(1025, 'a'), "head-too-large"},
      {Head("X: " + std::string(1000, 'x')), "head-too-large"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    const Result result = Run({row.bytes});
    CHECK(result.requests.empty());
    CHECK(result.error == row.kind);
    CHECK(Run({row.bytes + kGet}).requests.empty());  // nothing is read after an error
  }
}

TEST_CASE("limits are exact") {
  const std::string base = Head("X: ");
  const auto with = [&](std::size_t extra) { return Head("X: " + std::string(extra, 'x')); };
  CHECK(Run({with(kLimits.head_bytes - base.size())}).requests.size() == 1);
  CHECK(Run({with(kLimits.head_bytes - base.size() + 1)}).error == "head-too-large");
  std::string many;
  for (int i = 0; i < 127; ++i) many += "A: b\r\n";
  CHECK(Run({"GET / HTTP/1.1\r\nHost: a\r\n" + many + "\r\n"}).requests.size() == 1);
  CHECK(Run({"GET / HTTP/1.1\r\nHost: a\r\nC: d\r\n" + many + "\r\n"}).error == "head-too-large");
}

TEST_CASE("chunk extensions are bounded together") {
  std::string body;
  for (int i = 0; i < 60; ++i) body += "1;" + std::string(200, 'x') + "\r\na\r\n";
  CHECK(Run({Chunks(body + "0\r\n\r\n")}).error == "bad-chunk");
}

TEST_CASE("a cut anywhere changes nothing") {
  const std::string stream =
      kGet + kPost + kChunked + "\r\n" + kGet + Chunks("5\r\nhello\r\n0\r\n\r\n");
  const Result whole = Run({stream});
  REQUIRE(whole.requests.size() == 5);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    CHECK(Run({stream.substr(0, cut), stream.substr(cut)}) == whole);
  }
  std::vector<std::string> bytes;
  for (const char c : stream) bytes.emplace_back(1, c);
  CHECK(Run(bytes) == whole);
}

TEST_CASE("keep-alive (RFC 9112 9.3)") {
  struct Row {
    std::string bytes;
    bool keep;
  };
  const std::vector<Row> rows = {
      {kGet, true},
      {Head("Connection: close"), false},
      {Head("Connection: CLOSE"), false},
      {Head("Connection: keep-alive, close"), false},
      {Head("Connection: keep-alive\r\nConnection:  x ,close"), false},
      {Head("Connection: closed"), true},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
      {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    CHECK(One(row.bytes).keep_alive == row.keep);
  }
}

TEST_CASE("100-continue is due once, while the body is awaited") {
  const std::string head =
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  Framer framer(kLimits);
  framer.Feed(head);
  CHECK(framer.TakeContinue());
  CHECK_FALSE(framer.TakeContinue());
  framer.Feed("hi");
  CHECK_FALSE(framer.TakeContinue());
  CHECK(framer.Take().request.body == "hi");
  framer.Feed(head + "hi");  // the body came unasked
  CHECK_FALSE(framer.TakeContinue());
  framer.Take();
  framer.Feed(kPost.substr(0, kPost.size() - 1));
  CHECK_FALSE(framer.TakeContinue());
}

TEST_CASE("the state tells which deadline runs") {
  Framer framer(kLimits);
  CHECK(framer.state() == State::kIdle);
  framer.Feed("\r\n");
  CHECK(framer.state() == State::kIdle);
  framer.Feed("P");
  CHECK(framer.state() == State::kHead);
  framer.Feed(kPost.substr(1, kPost.size() - 2));
  CHECK(framer.state() == State::kBody);
  framer.Feed("o" + kGet.substr(0, 3));
  CHECK(framer.state() == State::kReady);
  framer.Take();
  CHECK(framer.state() == State::kHead);
}
