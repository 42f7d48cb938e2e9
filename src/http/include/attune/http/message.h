// What is asked and what is answered, free of any HTTP library. Answers: what does a handler see,
// and what may it say?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"

namespace attune::http {

// `other` is any that no route can be for: TRACE, CONNECT, made-up ones.
enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };
inline constexpr std::size_t kMethodCount = 7;  // without `other`

// "GET", "DELETE"; "OTHER", however it was called.
std::string_view name(Method method);

struct Header {
  std::string name;
  std::string value;
};

// A request that has arrived whole. What a Server hands over is well-formed: path and query are
// UTF-8 without NUL, the body is within the limit and no longer compressed.
struct Request {
  Method method = Method::get;
  std::string path;    // decoded, without the query: "/v1/items/茶"
  std::string target;  // as it came, with the query: "/v1/items/%E8%8C%B6?full=1"
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order; "+" is a blank
  std::vector<Header> headers;                             // in order, names as they were written
  std::string body;                     // decoded when it came with Content-Encoding: gzip
  std::string peer;                     // "127.0.0.1", "::1"; "unix" for the local socket
  bool trusted = false;                 // came over the unix socket of the data folder
  std::vector<std::string> parameters;  // of the route, decoded: "/v1/items/{id}" -> the id
  std::string route;                    // the pattern that took it, set by Router; empty: none did

  // The first header of that name in any case; empty when absent.
  std::string_view header(std::string_view name) const;
  // The first value of that name; absent when the query does not hold it.
  std::optional<std::string_view> query_value(std::string_view name) const;
};

// What goes back. The server adds Date, Content-Length and Connection, and drops those from
// `headers`, except that "Connection: close" there closes after this answer. Line breaks in header
// values are written as blanks. A body of status 204 or 304 is dropped.
struct Response {
  int status = 200;
  std::string content_type = "application/json";  // empty: no such header
  std::string body{};
  std::vector<Header> headers{};

  // Replaces the header of that name in any case, or adds it.
  void set_header(std::string_view name, std::string value);
};

// "Not Found"; "Unknown" for a status that RFC 9110 does not know.
std::string_view reason_phrase(int status);

// `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// A problem document (RFC 9457, application/problem+json): type about:blank, title, status, detail,
// and `field` (what of the input is wrong, such as "items[3].price") unless empty. From an Error it
// also carries `code`, the name of its code, and takes the status from there; the error's context
// stays inside.
Response problem(const Error& error, std::string_view field = {});
Response problem(int status, std::string_view title, std::string_view detail,
                 std::string_view field = {});

}  // namespace attune::http
