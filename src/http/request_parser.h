// Bytes of a connection to requests; the only user of Beast. Answers: is there a whole request, and
// if not, what is wrong with it?
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "attune/http/message.h"

namespace attune::http {

struct Limits {
  std::size_t header;
  std::size_t body;
};

// What answers a request that cannot be served.
struct Refusal {
  int status = 0;  // 0: none
  std::string detail;
};

// Reads one request after the other. One thread at a time.
class RequestParser {
 public:
  enum class State { need_more, header_done, complete, refused };

  explicit RequestParser(Limits limits);
  ~RequestParser();

  // Begins a request.
  void reset();

  // Takes what it can from the front of `bytes` and says how much that was; the caller presents the
  // rest again, with more behind it. header_done is told once for a request with a body, before any
  // of that is read; call again.
  State read(std::string_view bytes, std::size_t& taken);

  // From the request line on; after complete it is whole, decoded and checked.
  std::shared_ptr<Request>& request();
  const Refusal& refusal() const;
  bool got_any() const;     // the first byte of the request was there
  bool keep_alive() const;  // as version and Connection say; after header_done
  bool is_http_1_0() const;
  bool wants_continue() const;  // Expect: 100-continue; after header_done

 private:
  class Impl;
  Limits limits_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::http
