#include "oidc/key_fetch.h"

#include <algorithm>

#include "schema/base/limits.h"
#include "schema/base/time.h"

namespace oidc {

using schema::Result;
using schema::Steady;

namespace {

constexpr std::chrono::milliseconds kLeastTimeout{200};

Result<std::string> Get(schema::Fetcher& fetcher, const Issuer& issuer, const std::string& url,
                        Steady::time_point deadline) {
  schema::FetchRequest request;
  request.url = url;
  request.ca_file = issuer.ca_file;
  request.ca_pem = issuer.ca_pem;
  request.allow_http = issuer.allow_http;
  request.bytes_max = schema::limits::kJwksBytes;
  request.timeout = std::max(
      kLeastTimeout, std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now()));
  auto body = fetcher.Get(request);
  if (!body) return schema::Error{body.error().kind, url + ": " + body.error().detail};
  return body;
}

// Says which document is meant.
template <class T>
Result<T> At(const std::string& url, Result<T> result) {
  if (result) return result;
  return schema::Error{result.error().kind, url + ": " + result.error().detail};
}

}  // namespace

Result<FetchedKeys> FetchKeys(schema::Fetcher& fetcher, const Issuer& issuer,
                              const std::string& issuer_url, std::optional<Discovery> known,
                              std::chrono::milliseconds timeout) {
  const auto deadline = Steady::now() + timeout;
  if (!known) {
    const std::string url = DiscoveryUrl(issuer_url);
    TRY(const std::string text, Get(fetcher, issuer, url, deadline));
    TRY(known, At(url, ParseDiscovery(text, issuer, issuer_url)));
  }
  TRY(const std::string text, Get(fetcher, issuer, known->jwks_uri, deadline));
  TRY(KeySet keys, At(known->jwks_uri, KeySet::Parse(text)));
  keys.RestrictTo(known->algorithms);
  return FetchedKeys{*std::move(known), std::make_shared<const KeySet>(std::move(keys))};
}

}  // namespace oidc
