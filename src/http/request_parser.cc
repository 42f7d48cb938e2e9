// Beast 1.81 asserts on the last chunk arriving in three pieces; its code is right without.
#define BOOST_DISABLE_ASSERTS
#include "request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

#include "attune/base/text.h"
#include "gzip.h"
#include "header_text.h"
#include "target.h"

namespace attune::http {
namespace {

namespace beast = boost::beast;
namespace bh = boost::beast::http;
using beast::error_code;

constexpr std::size_t kFirstReserve = std::size_t{64} << 10;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

Method method_of(bh::verb verb) {
  switch (verb) {
    case bh::verb::get:
      return Method::get;
    case bh::verb::head:
      return Method::head;
    case bh::verb::post:
      return Method::post;
    case bh::verb::put:
      return Method::put;
    case bh::verb::patch:
      return Method::patch;
    case bh::verb::delete_:
      return Method::del;
    case bh::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

bool is_token_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

Refusal refusal_of(error_code ec, const Limits& limits, bool line_seen) {
  if (ec == bh::error::header_limit) {
    return line_seen ? Refusal{431, fmt::format("the headers pass {} bytes", limits.header)}
                     : Refusal{414, fmt::format("the request line passes {} bytes", limits.header)};
  }
  if (ec == bh::error::body_limit) {
    return {413, fmt::format("the body passes {} bytes; send it in parts", limits.body)};
  }
  if (ec == bh::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, "the request is malformed: " + ec.message()};
}

}  // namespace

// One request on its way in. Beast calls the overrides while it reads.
class RequestParser::Impl final : public bh::basic_parser<true> {
 public:
  explicit Impl(const Limits& limits) : limits_(limits), request_(std::make_shared<Request>()) {
    header_limit(static_cast<std::uint32_t>(limits.header));
    body_limit(limits.body);
  }

  State read(std::string_view bytes, std::size_t& taken) {
    taken = 0;
    if (!begun_) {
      skip_empty_lines(bytes, taken);
      if (bytes.empty()) return State::need_more;
      begun_ = true;
      if (!is_token_char(bytes.front())) {
        return refuse(
            {400, "this is no HTTP request; is the client speaking TLS to a plain port?"});
      }
    }
    if (bytes.empty()) return State::need_more;
    const bool header_was_done = is_header_done();
    error_code ec;
    const std::size_t used = put({bytes.data(), bytes.size()}, ec);
    taken += used;
    if (!header_was_done) header_bytes_ += used;
    if (ec && ec != bh::error::need_more) {
      return refuse(refusal_of(ec, limits_, line_seen_));
    }
    const std::size_t kept = bytes.size() - used;
    if (!is_header_done()) {
      if (header_bytes_ + kept < limits_.header) return State::need_more;
      return refuse(refusal_of(bh::error::header_limit, limits_, line_seen_));
    }
    if (header_bytes_ > limits_.header) {
      return refuse(refusal_of(bh::error::header_limit, limits_, line_seen_));
    }
    if (is_done()) return finish();
    if (!header_was_done) {
      eager(true);
      return State::header_done;
    }
    if (ec && kept > limits_.header) return refuse({400, "a chunk header is too long"});
    return State::need_more;
  }

  std::shared_ptr<Request>& request() { return request_; }
  const Refusal& refusal() const { return refusal_; }
  bool begun() const { return begun_; }
  bool wants_continue() const { return wants_continue_ && version_ == 11; }
  int version() const { return version_; }

 private:
  State refuse(Refusal refusal) {
    if (refusal_.status == 0) refusal_ = std::move(refusal);
    return State::refused;
  }

  // RFC 9112 section 2.2: an empty line or two before a request is forgiven.
  void skip_empty_lines(std::string_view& bytes, std::size_t& taken) {
    while (!bytes.empty() && empty_lines_ < 4 && (bytes[0] == '\r' || bytes[0] == '\n')) {
      bytes.remove_prefix(1);
      ++empty_lines_;
      ++taken;
    }
  }

  State finish() {
    const std::string_view encoding = request_->header("Content-Encoding");
    if (encoding.empty() || equal_ignoring_case(encoding, "identity")) return State::complete;
    if (!equal_ignoring_case(encoding, "gzip") && !equal_ignoring_case(encoding, "x-gzip")) {
      return refuse({415, fmt::format("Content-Encoding '{}' is not known here; send gzip or none",
                                      quoted(encoding))});
    }
    if (request_->body.empty()) return State::complete;
    switch (gunzip(request_->body, limits_.body)) {
      case GunzipOutcome::whole:
        return State::complete;
      case GunzipOutcome::broken:
        return refuse({400, "the body is not whole and sound gzip"});
      case GunzipOutcome::too_large:
        return refuse({413, fmt::format("the body passes {} bytes when it is decompressed; send "
                                        "it in parts",
                                        limits_.body)});
    }
    return State::complete;
  }

  void stop(error_code& ec, Refusal refusal) {
    refuse(std::move(refusal));
    ec = bh::error::bad_value;
  }

  void on_request_impl(bh::verb verb, beast::string_view, beast::string_view target, int version,
                       error_code& ec) override {
    line_seen_ = true;
    version_ = version;
    request_->method = method_of(verb);
    if (auto read = read_target(view(target), *request_); !read) {
      return stop(ec, {400, read.error().message});
    }
    request_->headers.reserve(12);
  }

  void on_field_impl(bh::field field, beast::string_view name, beast::string_view value,
                     error_code& ec) override {
    if (is_header_done()) return;  // a trailer must not pass for a header
    request_->headers.push_back({std::string(view(name)), std::string(view(value))});
    if (field == bh::field::host) ++hosts_;
    if (field == bh::field::transfer_encoding && !equal_ignoring_case(view(value), "chunked")) {
      return stop(ec, {501, "of transfer encodings only chunked is served here"});
    }
    if (field != bh::field::expect) return;
    wants_continue_ = equal_ignoring_case(view(value), "100-continue");
    if (!wants_continue_) stop(ec, {417, "of expectations only 100-continue is met here"});
  }

  void on_header_impl(error_code& ec) override {
    if (hosts_ > 1 || (hosts_ == 0 && version_ == 11)) {
      stop(ec, {400, "a request of HTTP/1.1 has one Host header"});
    }
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    if (length) request_->body.reserve(std::min<std::size_t>(*length, kFirstReserve));
  }

  std::size_t on_body_impl(beast::string_view bytes, error_code&) override {
    request_->body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, error_code&) override {
    request_->body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, beast::string_view, int, error_code&) override {}

  Limits limits_;
  std::shared_ptr<Request> request_;
  Refusal refusal_;
  std::size_t header_bytes_ = 0;
  int empty_lines_ = 0;
  int hosts_ = 0;
  int version_ = 11;
  bool begun_ = false;
  bool line_seen_ = false;
  bool wants_continue_ = false;
};

RequestParser::RequestParser(Limits limits)
    : limits_(limits), impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

void RequestParser::reset() { impl_ = std::make_unique<Impl>(limits_); }

RequestParser::State RequestParser::read(std::string_view bytes, std::size_t& taken) {
  return impl_->read(bytes, taken);
}

std::shared_ptr<Request>& RequestParser::request() { return impl_->request(); }
const Refusal& RequestParser::refusal() const { return impl_->refusal(); }
bool RequestParser::got_any() const { return impl_->begun(); }
bool RequestParser::keep_alive() const { return impl_->is_header_done() && impl_->keep_alive(); }
bool RequestParser::is_http_1_0() const { return impl_->version() == 10; }
bool RequestParser::wants_continue() const { return impl_->wants_continue(); }

}  // namespace attune::http
