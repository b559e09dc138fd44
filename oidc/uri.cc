#include "oidc/uri.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace oidc {

constinit const schema::ErrorKind kBadUri{"bad-uri", schema::Fault::kToken,
                                          "A claim does not make a URI; ask the operator"};

namespace {

using schema::Error;
using schema::Result;

// The parts of a URI that Go escapes by different rules.
enum class Part : std::uint8_t { kPath, kFragment, kUser, kHost };

bool IsDigit(unsigned char c) { return c >= '0' && c <= '9'; }
bool IsLetter(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7f; }
bool Among(unsigned char c, std::string_view set) {
  return set.find(static_cast<char>(c)) != std::string_view::npos;
}

int HexValue(unsigned char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 2.3 unreserved, and the reserved characters that Go leaves alone in this part.
bool MustEscape(unsigned char c, Part part) {
  if (IsLetter(c) || IsDigit(c) || Among(c, "-_.~")) return false;
  switch (part) {
    case Part::kHost:
      return !Among(c, "!$&'()*+,;=:[]<>\"");
    case Part::kPath:
      return !Among(c, "$&+,/:;=@");
    case Part::kUser:
      return !Among(c, "$&+,;=");
    case Part::kFragment:
      return !Among(c, "$&+,/:;=?@!()*");
  }
  return true;
}

std::string Escape(std::string_view text, Part part) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char raw : text) {
    const auto c = static_cast<unsigned char>(raw);
    if (!MustEscape(c, part)) {
      out.push_back(raw);
      continue;
    }
    out.push_back('%');
    out.push_back(kHex[c >> 4]);
    out.push_back(kHex[c & 15]);
  }
  return out;
}

// The detail never repeats the text: it may be a claim.
Result<std::string> Unescape(std::string_view text, Part part) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c != '%') {
      if (part == Part::kHost && c < 0x80 && MustEscape(c, part)) {
        return Error{&kBadUri, "a character that cannot stand in a host"};
      }
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(static_cast<unsigned char>(text[i + 1])) : -1;
    const int low = i + 2 < text.size() ? HexValue(static_cast<unsigned char>(text[i + 2])) : -1;
    if (high < 0 || low < 0) return Error{&kBadUri, "an incomplete %XX escape"};
    // RFC 3986 3.2.2: a host escapes only octets of UTF-8.
    if (part == Part::kHost && high < 8) return Error{&kBadUri, "an ASCII escape in the host"};
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

// Text that may stay as it was written, as Go's validEncoded has it.
bool StaysAsWritten(std::string_view text, Part part) {
  return std::ranges::all_of(text, [part](char raw) {
    const auto c = static_cast<unsigned char>(raw);
    return Among(c, "!$&'()*+,;=:@[]%") || !MustEscape(c, part);
  });
}

Result<std::string> Normalise(std::string_view text, Part part) {
  TRY(const std::string plain, Unescape(text, part));
  return StaysAsWritten(text, part) ? std::string(text) : Escape(plain, part);
}

// RFC 3986 3.1; the text of a scheme, or nothing. A ':' that comes first is an error.
Result<std::string_view> SchemeOf(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (IsLetter(c)) continue;
    if (IsDigit(c) || Among(c, "+-.")) {
      if (i == 0) return std::string_view();
      continue;
    }
    if (c != ':') return std::string_view();
    if (i == 0) return Error{&kBadUri, "no scheme before ':'"};
    return text.substr(0, i);
  }
  return std::string_view();
}

bool IsOptionalPort(std::string_view text) {
  if (text.empty()) return true;
  return text[0] == ':' && std::ranges::all_of(text.substr(1), [](char c) { return IsDigit(c); });
}

struct Authority {
  std::string user;  // with '@', or empty
  std::string host_and_port;
  std::string host;
};

Result<Authority> ReadHost(std::string_view text) {
  Authority out;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return Error{&kBadUri, "no ']' after an IPv6 host"};
    const std::string_view address = text.substr(1, close - 1);
    const bool plain = std::ranges::all_of(
        address, [](unsigned char c) { return HexValue(c) >= 0 || c == ':' || c == '.'; });
    if (!plain || address.find(':') == std::string_view::npos) {
      return Error{&kBadUri, "not an IPv6 address in brackets"};
    }
    if (!IsOptionalPort(text.substr(close + 1))) return Error{&kBadUri, "a bad port"};
    out.host = std::string(address);
    out.host_and_port = std::string(text);
    return out;
  }
  const std::size_t colon = text.find(':');
  const std::string_view port = colon == std::string_view::npos ? "" : text.substr(colon);
  if (!IsOptionalPort(port)) return Error{&kBadUri, "a bad port"};
  if (Among('[', text) || Among(']', text)) return Error{&kBadUri, "a bracket within the host"};
  TRY(out.host, Unescape(text.substr(0, colon), Part::kHost));
  out.host_and_port = Escape(out.host, Part::kHost).append(port);
  return out;
}

Result<Authority> ReadAuthority(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return ReadHost(text);
  TRY(Authority out, ReadHost(text.substr(at + 1)));
  const std::string_view user = text.substr(0, at);
  const bool valid = std::ranges::all_of(user, [](unsigned char c) {
    return IsLetter(c) || IsDigit(c) || Among(c, "-._:~!$&'()*+,;=%@");
  });
  if (!valid) return Error{&kBadUri, "a character that cannot stand in a user name"};
  const std::size_t colon = user.find(':');
  TRY(const std::string name, Unescape(user.substr(0, colon), Part::kUser));
  out.user = Escape(name, Part::kUser);
  if (colon != std::string_view::npos) {
    TRY(const std::string password, Unescape(user.substr(colon + 1), Part::kUser));
    out.user.append(":").append(Escape(password, Part::kUser));
  }
  out.user.push_back('@');
  return out;
}

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
}

// A URI cut at its delimiters, nothing decoded.
struct Pieces {
  std::string_view scheme;
  std::string_view rest;  // authority and path, or opaque
  std::string_view query;
  bool has_query = false;
  std::string_view fragment;
};

Result<Pieces> Cut(std::string_view text) {
  if (std::ranges::any_of(text, [](unsigned char c) { return IsControl(c); })) {
    return Error{&kBadUri, "a control character"};
  }
  Pieces out;
  if (const auto hash = text.find('#'); hash != std::string_view::npos) {
    out.fragment = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  TRY(out.scheme, SchemeOf(text));
  if (!out.scheme.empty()) text.remove_prefix(out.scheme.size() + 1);
  if (const auto mark = text.find('?'); mark != std::string_view::npos) {
    out.has_query = true;
    out.query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  out.rest = text;
  return out;
}

// "//host/path" or "/path" or, without a scheme, "path".
Result<std::string> Hierarchical(std::string_view rest, Uri& uri) {
  const bool empty_authority_is_path = uri.scheme.empty() && rest.starts_with("///");
  std::string out;
  if (rest.starts_with("//") && !empty_authority_is_path) {
    rest.remove_prefix(2);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    TRY(Authority authority, ReadAuthority(rest.substr(0, slash)));
    rest.remove_prefix(slash);
    uri.user_info = !authority.user.empty();
    uri.host = std::move(authority.host);
    // url.String writes "//" when anything follows it.
    if (uri.user_info || !authority.host_and_port.empty() || !rest.empty()) out = "//";
    out.append(authority.user).append(authority.host_and_port);
  } else if (uri.scheme.empty() && !rest.starts_with('/')) {
    if (Among(':', rest.substr(0, rest.find('/')))) {
      return Error{&kBadUri, "a colon in the first segment of a relative path"};
    }
  }
  TRY(const std::string path, Normalise(rest, Part::kPath));
  // "/%2f" beside an octet that is escaped anew: decoded, it would name a host.
  if (out.empty() && path.starts_with("//") && !rest.starts_with("//")) {
    return Error{&kBadUri, "a path that would read as a host"};
  }
  return out.append(path);
}

schema::Outcome AppendCleaned(std::string_view element, std::vector<std::string_view>& segments) {
  for (std::size_t begin = 0; begin <= element.size();) {
    const std::size_t end = std::min(element.find('/', begin), element.size());
    const std::string_view segment = element.substr(begin, end - begin);
    begin = end + 1;
    if (segment == "..") return Error{&kBadUri, "a \"..\" in a path"};
    if (!segment.empty() && segment != ".") segments.push_back(segment);
  }
  return schema::Ok();
}

}  // namespace

Result<Uri> ParseUri(std::string_view text) {
  TRY(const Pieces pieces, Cut(text));
  if (!IsAscii(pieces.query)) return Error{&kBadUri, "a query that is not ASCII"};
  Uri uri;
  uri.scheme = std::string(pieces.scheme);
  std::ranges::transform(uri.scheme, uri.scheme.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c; });
  if (!uri.scheme.empty()) uri.text = uri.scheme + ":";
  if (!uri.scheme.empty() && !pieces.rest.starts_with('/')) {
    if (!IsAscii(pieces.rest)) return Error{&kBadUri, "an opaque part that is not ASCII"};
    uri.text.append(pieces.rest);
  } else {
    TRY(const std::string rest, Hierarchical(pieces.rest, uri));
    uri.text.append(rest);
  }
  if (pieces.has_query) uri.text.append("?").append(pieces.query);
  if (!pieces.fragment.empty()) {
    TRY(const std::string fragment, Normalise(pieces.fragment, Part::kFragment));
    uri.text.append("#").append(fragment);
  }
  return uri;
}

Result<std::string> JoinUri(std::string_view base,
                            std::initializer_list<std::string_view> elements) {
  std::vector<std::string_view> segments;
  for (const std::string_view element : elements) TRY(AppendCleaned(element, segments));
  std::string path;
  for (const std::string_view segment : segments) path.append("/").append(segment);
  const bool keeps_slash = elements.size() > 0 && (elements.end() - 1)->ends_with('/');
  if (keeps_slash && !path.ends_with('/')) path.push_back('/');
  if (std::ranges::any_of(path, [](unsigned char c) { return IsControl(c); })) {
    return Error{&kBadUri, "a control character"};
  }
  TRY(const std::string escaped, Normalise(path, Part::kPath));
  return std::string(base).append(escaped);
}

}  // namespace oidc
