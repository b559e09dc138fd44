#include "http/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <strings.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "schema/base/file.h"
#include "schema/base/openssl.h"

namespace http {
namespace {

using schema::Error;
using schema::FetchRequest;
using schema::Owned;
using schema::Result;
using Clock = std::chrono::steady_clock;

using OwnedCurl = Owned<CURL, curl_easy_cleanup>;
using OwnedUrl = Owned<CURLU, curl_url_cleanup>;

constexpr int kRedirects = 3;
constexpr std::size_t kHeadBytes = 64 * 1024;  // of one answer's header fields

Error Failed(const std::string& url, const std::string& reason) {
  return Error{&schema::kFetchFailed, url + ": " + reason};
}

struct Place {
  std::string scheme, host, port;
  friend bool operator==(const Place&, const Place&) = default;
};

std::optional<std::string> Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return std::nullopt;
  std::string out(text);
  curl_free(text);
  return out;
}

// Nothing when it is no absolute URL, or carries a user or a password.
std::optional<Place> PlaceOf(const std::string& text) {
  const OwnedUrl url(curl_url());
  MUST(url != nullptr);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return std::nullopt;
  }
  if (Part(url.get(), CURLUPART_USER) || Part(url.get(), CURLUPART_PASSWORD)) return std::nullopt;
  const auto scheme = Part(url.get(), CURLUPART_SCHEME);
  const auto host = Part(url.get(), CURLUPART_HOST);
  const auto port = Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (!scheme || !host || !port) return std::nullopt;
  return Place{*scheme, *host, *port};
}

bool IsLoopback(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24) == 127;
  return host == "[::1]" || strcasecmp(host.c_str(), "localhost") == 0;
}

struct Sink {
  std::string body;
  std::size_t bytes_max;
  std::size_t head = 0;
  bool too_large = false;
};

std::size_t TakeBody(char* data, std::size_t one, std::size_t size, void* user) {
  auto* sink = static_cast<Sink*>(user);
  sink->too_large = size > sink->bytes_max - sink->body.size();
  if (sink->too_large) return 0;
  sink->body.append(data, one * size);
  return size;
}

std::size_t TakeHead(char*, std::size_t one, std::size_t size, void* user) {
  auto* sink = static_cast<Sink*>(user);
  sink->head += one * size;
  sink->too_large = sink->head > kHeadBytes;
  return sink->too_large ? 0 : size;
}

// A libcurl without the option would silently do the unsafe thing.
template <class Value>
void Set(CURL* curl, CURLoption option, Value value) {
  MUST(curl_easy_setopt(curl, option, value) == CURLE_OK);
}

// Debian's libcurl would trust the system's directory besides any bundle, so that is taken away.
schema::Outcome SetTrust(CURL* curl, std::string file, const std::string& pem) {
  if (file.empty() && pem.empty()) return schema::Ok();
  Set(curl, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  const curl_version_info_data* version = curl_version_info(CURLVERSION_NOW);
  if (file.empty() && version->cainfo != nullptr) file = version->cainfo;
  std::string bundle;
  if (!file.empty()) {
    TRY(bundle, schema::ReadFile(file));
  }
  bundle.append("\n").append(pem);
  curl_blob blob{bundle.data(), bundle.size(), CURL_BLOB_COPY};
  Set(curl, CURLOPT_CAINFO_BLOB, &blob);
  return schema::Ok();
}

void SetLimits(CURL* curl, Clock::time_point deadline, Sink* sink, char* reason) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  const long milliseconds = std::max<long>(1, static_cast<long>(left.count()));
  Set(curl, CURLOPT_TIMEOUT_MS, milliseconds);
  Set(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
  Set(curl, CURLOPT_NOSIGNAL, 1L);  // its timeouts would use SIGALRM, which no thread may
  Set(curl, CURLOPT_PROXY, "");
  Set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  Set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  Set(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  Set(curl, CURLOPT_USERAGENT, "chancery");
  Set(curl, CURLOPT_ERRORBUFFER, reason);
  Set(curl, CURLOPT_WRITEFUNCTION, &TakeBody);
  Set(curl, CURLOPT_WRITEDATA, static_cast<void*>(sink));
  Set(curl, CURLOPT_HEADERFUNCTION, &TakeHead);
  Set(curl, CURLOPT_HEADERDATA, static_cast<void*>(sink));
}

CURL* ThreadHandle() {
  thread_local OwnedCurl handle(curl_easy_init());
  MUST(handle != nullptr);
  curl_easy_reset(handle.get());  // keeps its connections
  return handle.get();
}

// Sends what the handle is set to; the whole answer's status.
Result<long> Perform(CURL* curl, const std::string& url, Clock::time_point deadline, Sink& sink) {
  char reason[CURL_ERROR_SIZE] = "";
  SetLimits(curl, deadline, &sink, reason);
  Set(curl, CURLOPT_URL, url.c_str());
  const CURLcode code = curl_easy_perform(curl);
  Set(curl, CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  if (sink.too_large) return Failed(url, "answer too large");
  if (code != CURLE_OK) return Failed(url, reason[0] != '\0' ? reason : curl_easy_strerror(code));
  long status = 0;
  MUST(curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
  return status;
}

struct Answer {
  std::string body;
  std::string redirect;  // empty unless the status was a redirection with a Location
};

Result<Answer> Once(const std::string& url, const FetchRequest& request,
                    Clock::time_point deadline) {
  if (Clock::now() >= deadline) return Failed(url, "no time left");
  CURL* curl = ThreadHandle();
  Sink sink{{}, request.bytes_max};
  TRY(SetTrust(curl, request.ca_file, request.ca_pem));
  TRY(const long status, Perform(curl, url, deadline, sink));
  if (status == 200) return Answer{std::move(sink.body), ""};
  const char* redirect = nullptr;
  MUST(curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK);
  if (redirect == nullptr) return Failed(url, "status " + std::to_string(status));
  return Answer{"", redirect};
}

// Where `url` leads, if a request may go there.
Result<Place> Allowed(const std::string& url, bool allow_http) {
  auto place = PlaceOf(url);
  if (!place) return Failed(url, "not a URL, or it names a user");
  const bool plain = place->scheme == "http" && (allow_http || IsLoopback(place->host));
  if (place->scheme != "https" && !plain) return Failed(url, place->scheme + " is not allowed");
  return *std::move(place);
}

class CurlFetcher final : public schema::Fetcher {
 public:
  Result<std::string> Get(const FetchRequest& request) override {
    const auto deadline = Clock::now() + request.timeout;
    TRY(const Place place, Allowed(request.url, request.allow_http));
    std::string url = request.url;
    for (int redirects = 0; redirects <= kRedirects; ++redirects) {
      TRY(Answer answer, Once(url, request, deadline));
      if (answer.redirect.empty()) return std::move(answer.body);
      if (PlaceOf(answer.redirect) != std::optional(place))
        return Failed(url, "redirected elsewhere: " + answer.redirect);
      url = std::move(answer.redirect);
    }
    return Failed(request.url, "too many redirections");
  }
};

using OwnedFields = Owned<curl_slist, curl_slist_free_all>;

class CurlSender final : public schema::Sender {
 public:
  Result<schema::SendAnswer> Send(const schema::SendRequest& request) override {
    TRY(Allowed(request.url, false));
    CURL* curl = ThreadHandle();
    Sink sink{{}, request.bytes_max};
    TRY(SetTrust(curl, request.ca_file, ""));
    const std::string type = "Content-Type: " + request.content_type;
    OwnedFields fields;
    if (request.method == "POST") {
      // Without this libcurl waits a second for a 100 that few servers send.
      fields.reset(curl_slist_append(nullptr, "Expect:"));
      MUST(fields != nullptr && curl_slist_append(fields.get(), type.c_str()) != nullptr);
      Set(curl, CURLOPT_HTTPHEADER, fields.get());
      Set(curl, CURLOPT_POST, 1L);
      Set(curl, CURLOPT_POSTFIELDS, request.body.c_str());
      Set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    auto status = Perform(curl, request.url, Clock::now() + request.timeout, sink);
    const char* answered = nullptr;
    MUST(curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &answered) == CURLE_OK);
    schema::SendAnswer answer{0, answered == nullptr ? "" : answered, std::move(sink.body)};
    curl_easy_reset(curl);  // it refers to the body and the fields
    TRY(const long code, std::move(status));
    answer.status = static_cast<int>(code);
    return answer;
  }
};

void StartCurl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  MUST(started == CURLE_OK);
}

}  // namespace

std::unique_ptr<schema::Fetcher> MakeFetcher() {
  StartCurl();
  return std::make_unique<CurlFetcher>();
}

std::unique_ptr<schema::Sender> MakeSender() {
  StartCurl();
  return std::make_unique<CurlSender>();
}

}  // namespace http
