#include "http/head.h"

#include <algorithm>
#include <array>
#include <optional>

namespace http {

using schema::Error;
using schema::ErrorKind;
using schema::Fault;
using schema::Outcome;
using schema::Result;

const ErrorKind kBadRequestLine{"bad-request-line", Fault::kCaller,
                                "the request line is not 'METHOD /path HTTP/1.1' (RFC 9112 3)"};
const ErrorKind kBadVersion{"bad-version", Fault::kCaller, "send HTTP/1.1 or HTTP/1.0"};
const ErrorKind kBadTarget{
    "bad-target", Fault::kCaller,
    "the target is not a path, or holds characters that must be escaped (RFC 3986)"};
const ErrorKind kBadHeader{
    "bad-header", Fault::kCaller,
    "a header line is not 'name: value' ended by CR LF (RFC 9112 5), or occurs twice"};
const ErrorKind kBadHost{"bad-host", Fault::kCaller,
                         "send exactly one valid Host header (RFC 9112 3.2)"};
const ErrorKind kBadLength{
    "bad-length", Fault::kCaller,
    "send either one decimal Content-Length or 'Transfer-Encoding: chunked' (RFC 9112 6)"};
const ErrorKind kBadChunk{"bad-chunk", Fault::kCaller,
                          "the chunked body is malformed (RFC 9112 7.1)"};
const ErrorKind kBadExpect{"bad-expect", Fault::kCaller,
                           "the only expectation known is 100-continue"};
const ErrorKind kHeadTooLarge{"head-too-large", Fault::kCaller,
                              "the request line and headers are too large"};
const ErrorKind kBodyTooLarge{"body-too-large", Fault::kCaller, "the request body is too large"};

namespace {

constexpr std::size_t kHeaderCount = 128;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
int HexValue(char c) { return IsDigit(c) ? c - '0' : Lower(c) - 'a' + 10; }

bool Among(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
bool IsTokenChar(char c) { return IsDigit(c) || IsAlpha(c) || Among(c, "!#$%&'*+-.^_`|~"); }
bool IsUnreserved(char c) { return IsDigit(c) || IsAlpha(c) || Among(c, "-._~"); }
bool IsPathChar(char c) { return IsUnreserved(c) || Among(c, "!$&'()*+,;=:@/"); }

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsTokenChar);
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), Lower);
  return out;
}

std::string_view Trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// Calls `each` with the trimmed, lower-case members of a comma-separated list (RFC 9110 5.6.1).
template <class Each>
void ForEachMember(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    each(LowerCase(Trim(list.substr(0, comma))));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

// RFC 3986 6.2.2: an escaped unreserved character means the character; every other escape stays, so
// that "%2F" never becomes a separator.
std::optional<std::string> NormalPath(std::string_view raw) {
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      if (!IsPathChar(raw[i])) return std::nullopt;
      out.push_back(raw[i]);
      continue;
    }
    if (i + 2 >= raw.size() || !IsHex(raw[i + 1]) || !IsHex(raw[i + 2])) return std::nullopt;
    const char c = static_cast<char>(HexValue(raw[i + 1]) * 16 + HexValue(raw[i + 2]));
    if (IsUnreserved(c)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(Upper(raw[i + 1]));
      out.push_back(Upper(raw[i + 2]));
    }
    i += 2;
  }
  return out;
}

bool IsQuery(std::string_view raw) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '%') {
      if (i + 2 >= raw.size() || !IsHex(raw[i + 1]) || !IsHex(raw[i + 2])) return false;
    } else if (!IsPathChar(raw[i]) && raw[i] != '?') {
      return false;
    }
  }
  return true;
}

// uri-host [":" port] (RFC 9112 3.2): a registered name or IPv4, or an IPv6 literal in brackets.
bool IsHost(std::string_view host) {
  std::size_t end = 0;
  if (host.starts_with('[')) {
    end = host.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const auto inside = host.substr(1, end - 1);
    if (!std::ranges::all_of(inside, [](char c) { return IsHex(c) || c == ':' || c == '.'; }))
      return false;
    ++end;
  } else {
    while (end < host.size() &&
           (IsDigit(host[end]) || IsAlpha(host[end]) || Among(host[end], "-._~")))
      ++end;
  }
  if (end == 0) return false;
  if (end == host.size()) return true;
  const auto port = host.substr(end + 1);
  if (host[end] != ':' || port.empty() || port.size() > 5 || !std::ranges::all_of(port, IsDigit))
    return false;
  int number = 0;
  for (const char c : port) number = number * 10 + (c - '0');
  return number <= 65535;
}

Outcome ReadTarget(std::string_view target, Request* request) {
  if (target == "*" && request->method == "OPTIONS") {
    request->path = "*";
    return schema::Ok();
  }
  if (!target.starts_with('/')) return Error{&kBadTarget, "not origin-form"};
  const std::size_t mark = target.find('?');
  auto path = NormalPath(target.substr(0, mark));
  if (!path) return Error{&kBadTarget, "path"};
  request->path = std::move(*path);
  if (mark == std::string_view::npos) return schema::Ok();
  if (!IsQuery(target.substr(mark + 1))) return Error{&kBadTarget, "query"};
  request->query = target.substr(mark + 1);
  return schema::Ok();
}

// Whether the request is HTTP/1.1 rather than 1.0.
Result<bool> ReadRequestLine(std::string_view line, Request* request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Error{&kBadRequestLine, "parts"};
  const auto method = line.substr(0, first);
  if (!IsToken(method) || method.size() > 32) return Error{&kBadRequestLine, "method"};
  const auto version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return Error{&kBadVersion, ""};
  request->method = method;
  TRY(ReadTarget(line.substr(first + 1, last - first - 1), request));
  return version == "HTTP/1.1";
}

Result<std::size_t> ReadLength(std::string_view value, std::size_t limit) {
  if (value.empty() || !std::ranges::all_of(value, IsDigit))
    return Error{&kBadLength, "not digits"};
  std::size_t length = 0;
  for (const char c : value) {
    length = length * 10 + static_cast<std::size_t>(c - '0');
    if (length > limit) return Error{&kBodyTooLarge, ""};  // before the next digit could overflow
  }
  return length;
}

// What the headers of the hop say; at most one of each, except Connection.
struct Hop {
  std::optional<std::string> host, length, encoding, expect;
  bool close = false;
  bool keep = false;
};

// Those whose meaning changes with the reader when they occur twice.
constexpr std::array<std::string_view, 3> kOnce = {"authorization", "content-type", "origin"};
// Of the hop, and of no use behind it.
constexpr std::array<std::string_view, 5> kDropped = {"keep-alive", "proxy-connection", "te",
                                                      "trailer", "upgrade"};

Outcome SortHeader(Header header, Hop* hop, Request* request) {
  const auto once = [](std::optional<std::string>* slot, std::string value,
                       const ErrorKind& kind) -> Outcome {
    if (slot->has_value()) return Error{&kind, "repeated"};
    *slot = std::move(value);
    return schema::Ok();
  };
  const std::string& name = header.first;
  if (name == "content-length") return once(&hop->length, header.second, kBadLength);
  if (name == "transfer-encoding") return once(&hop->encoding, header.second, kBadLength);
  if (name == "expect") return once(&hop->expect, header.second, kBadExpect);
  if (name == "connection") {
    ForEachMember(header.second, [hop](const std::string& member) {
      hop->close = hop->close || member == "close";
      hop->keep = hop->keep || member == "keep-alive";
    });
    return schema::Ok();
  }
  if (std::ranges::find(kDropped, name) != kDropped.end()) return schema::Ok();
  if (name == "host") TRY(once(&hop->host, header.second, kBadHost));
  if (std::ranges::find(kOnce, name) != kOnce.end() && request->Find(name) != nullptr) {
    return Error{&kBadHeader, "repeated"};
  }
  request->headers.push_back(std::move(header));
  return schema::Ok();
}

// RFC 9112 6.3, refusing wherever it leaves a choice.
Outcome ReadFraming(const Hop& hop, bool one_one, std::size_t body_limit, Head* head) {
  if (hop.host ? !IsHost(*hop.host) : one_one) return Error{&kBadHost, ""};
  if (hop.encoding) {
    if (hop.length || !one_one) return Error{&kBadLength, "Transfer-Encoding here"};
    if (LowerCase(*hop.encoding) != "chunked") return Error{&kBadLength, "unknown coding"};
    head->chunked = true;
  }
  if (hop.length) {
    TRY(head->length, ReadLength(*hop.length, body_limit));
  }
  if (hop.expect && one_one) {
    if (LowerCase(*hop.expect) != "100-continue") return Error{&kBadExpect, ""};
    head->expects_continue = true;
  }
  head->framed.keep_alive = !hop.close && (one_one || hop.keep);
  return schema::Ok();
}

}  // namespace

Result<Header> ParseField(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Error{&kBadHeader, "no colon"};
  const auto name = line.substr(0, colon);
  // A space here is obs-fold or a space before the colon: both are read differently by different
  // servers.
  if (!IsToken(name)) return Error{&kBadHeader, "name"};
  return Header(LowerCase(name), std::string(Trim(line.substr(colon + 1))));
}

Result<Head> ParseHead(std::string_view text, const FramingLimits& limits) {
  Head head;
  Request& request = head.framed.request;
  std::size_t end = text.find("\r\n");
  TRY(const bool one_one, ReadRequestLine(text.substr(0, end), &request));
  Hop hop;
  std::size_t count = 0;
  for (std::size_t start = end + 2; (end = text.find("\r\n", start)) != start; start = end + 2) {
    if (++count > kHeaderCount) return Error{&kHeadTooLarge, "too many fields"};
    TRY(auto header, ParseField(text.substr(start, end - start)));
    TRY(SortHeader(std::move(header), &hop, &request));
  }
  TRY(ReadFraming(hop, one_one, limits.body_bytes, &head));
  return head;
}

}  // namespace http
