#include "oidc/names.h"

#include <algorithm>

#include "oidc/verifier.h"

namespace oidc {
namespace {

using schema::Error;
using schema::Result;

constexpr std::size_t kEmailBytes = 254;    // RFC 5321 4.5.3.1.3, without the angle brackets
constexpr std::size_t kSpiffeBytes = 2048;  // SPIFFE-ID 2.3
constexpr std::size_t kDnsBytes = 253;      // RFC 1035 2.3.4

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsLetter(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetterOrDigit(char c) { return IsLetter(c) || IsDigit(c); }
bool Among(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// RFC 5322 3.2.3 dot-atom.
bool IsLocalPart(std::string_view text) {
  bool after_dot = true;
  for (const char c : text) {
    if (c == '.' ? after_dot : !IsLetterOrDigit(c) && !Among(c, "!#$%&'*+-/=?^_`{|}~"))
      return false;
    after_dot = c == '.';
  }
  return !after_dot;
}

bool IsEmailLabel(std::string_view label, bool last) {
  if (label.empty()) return false;
  const auto edge = [last](char c) { return last ? IsLetter(c) : IsLetterOrDigit(c); };
  if (!edge(label.front()) || !edge(label.back())) return false;
  return std::ranges::all_of(label, [](char c) { return IsLetterOrDigit(c) || Among(c, "-_~"); });
}

// The last two labels; empty when there are fewer.
std::string_view LastTwoLabels(std::string_view host) {
  const std::size_t last = host.rfind('.');
  if (last == std::string_view::npos || last == 0 || last + 1 == host.size()) return {};
  if (!IsLetter(host[last + 1])) return {};  // an IPv4 address has no labels
  const std::size_t previous = host.rfind('.', last - 1);
  const std::string_view two =
      previous == std::string_view::npos ? host : host.substr(previous + 1);
  return two.starts_with('.') ? std::string_view() : two;
}

}  // namespace

bool IsEmail(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || text.size() > kEmailBytes) return false;
  if (!IsLocalPart(text.substr(0, at))) return false;
  std::string_view domain = text.substr(at + 1);
  if (domain.ends_with('.')) domain.remove_suffix(1);
  const std::size_t last = domain.rfind('.');
  if (last == std::string_view::npos) return false;
  if (!IsEmailLabel(domain.substr(last + 1), true)) return false;
  for (std::string_view rest = domain.substr(0, last);;) {
    const std::size_t dot = rest.find('.');
    if (!IsEmailLabel(rest.substr(0, dot), false)) return false;
    if (dot == std::string_view::npos) return true;
    rest.remove_prefix(dot + 1);
  }
}

bool IsTrustDomain(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
    return IsLower(c) || IsDigit(c) || Among(c, "-._");
  });
}

Result<SpiffeId> ParseSpiffeId(std::string_view text) {
  constexpr std::string_view kScheme = "spiffe://";
  if (text.size() > kSpiffeBytes) return Error{&kClaims, "the SPIFFE ID is too long"};
  if (!text.starts_with(kScheme)) return Error{&kClaims, "the subject is not a SPIFFE ID"};
  const std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const SpiffeId id{rest.substr(0, slash), rest.substr(slash)};
  if (!IsTrustDomain(id.trust_domain)) {
    return Error{&kClaims, "the SPIFFE ID's trust domain is empty or has a forbidden character"};
  }
  if (id.path.empty()) return Error{&kClaims, "the SPIFFE ID names a trust domain, not a workload"};
  for (std::string_view path = id.path; !path.empty();) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    const bool allowed =
        std::ranges::all_of(segment, [](char c) { return IsLetterOrDigit(c) || Among(c, "-._"); });
    if (!allowed || segment.empty() || segment == "." || segment == "..") {
      return Error{&kClaims, "the SPIFFE ID has a forbidden path segment"};
    }
  }
  return id;
}

bool SharesDomain(std::string_view issuer_host, std::string_view subject_host) {
  if (issuer_host.empty() || subject_host.empty()) return false;
  if (issuer_host == subject_host) return true;
  const std::string_view issuer = LastTwoLabels(issuer_host);
  return !issuer.empty() && issuer == LastTwoLabels(subject_host);
}

bool IsDnsName(std::string_view text) {
  if (text.empty() || text.size() > kDnsBytes) return false;
  const auto edge = [](char c) { return IsLower(c) || IsDigit(c); };
  char previous = '.';
  for (const char c : text) {
    if (!edge(c) && c != '-' && c != '.') return false;
    if ((previous == '.' && !edge(c)) || (c == '.' && previous == '-')) return false;
    previous = c;
  }
  return edge(previous);
}

}  // namespace oidc
