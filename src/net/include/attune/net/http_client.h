// Calling out over HTTP. Answers: what did that URL answer, within limits, and never from inside?
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"

namespace attune::net {

using HttpHeader = std::pair<std::string, std::string>;

struct HttpRequest {
  std::string method = "GET";  // GET, POST or PUT
  std::string url;             // http or https, without user and password
  std::vector<HttpHeader> headers;
  std::string body;  // of a POST or PUT
};

struct HttpAnswer {
  int status = 0;                   // of the last answer, 100 to 599
  std::vector<HttpHeader> headers;  // as they came, of the last answer
  std::string body;
  std::string url;  // where the answer came from, after redirects

  // First header of that name, any ASCII case.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpOptions {
  int connect_ms = 5'000;  // until connected and TLS is up
  int total_ms = 30'000;   // until the answer is whole, each redirect anew
  std::size_t answer_bytes_max = 1 << 20;
  int redirects_max = 0;  // followed: GET any, else only 307 and 308
  bool redirects_to_other_hosts = false;
  bool allow_inner_addresses = false;  // see address.h
  std::string user_agent = "Attune";
  std::string ca_file;  // certificates to trust instead of the system's
};

// Invariants: (1) no connection is opened to an inner address unless allowed: what is checked is
// the address connected to, after the name was resolved; (2) no other scheme than http and https,
// no proxy from the environment, no netrc, no cookies; certificates are verified; (3) nothing of a
// request can end a header or begin another.
// Threads: one thread at a time. Connections are kept open between calls.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options = {});
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // Any status is an answer. A redirect that may not be followed is given back as it came.
  // Errors: invalid_argument (the request); permission_denied (inner address); unavailable (no such
  // host, refused, broken off, out of time, TLS); resource_exhausted (answer too large).
  Result<HttpAnswer> send(const HttpRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::net
