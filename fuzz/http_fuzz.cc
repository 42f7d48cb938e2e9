// Any bytes as what a client sends: whole, and cut at a place the first byte names, they come to
// the same requests, which can be routed and are text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "attune/base/text.h"
#include "attune/http/router.h"
#include "request_parser.h"
#include "target.h"

namespace {

using namespace attune;
using namespace attune::http;

void check_text(std::string_view text) {
  if (first_invalid_utf8(text) || text.find('\0') != text.npos) std::abort();
}

const Router& router() {
  static const Router routes = [] {
    Router made;
    const Handler answer = [](const std::shared_ptr<Request>& request, const Respond& respond) {
      for (const std::string& parameter : request->parameters) check_text(parameter);
      respond({});
    };
    for (const char* pattern : {"/", "/v1/items", "/v1/items/{id}", "/v1/{kind}/{id}/likes",
                                "/{a}/{b}/{c}/{d}", "/console/{file...}"}) {
      made.add(Method::get, pattern, answer);
      made.add(Method::post, pattern, answer);
    }
    return made;
  }();
  return routes;
}

void check_request(const std::shared_ptr<Request>& request) {
  check_text(request->path);
  for (const auto& [key, value] : request->query) {
    check_text(key);
    check_text(value);
  }
  if (request->body.size() > 4096) std::abort();
  int answers = 0;
  router().handle(request, [&](const Response& response) {
    ++answers;
    if (response.status < 200 || response.status > 599) std::abort();
  });
  if (answers != 1) std::abort();
}

// The requests that a stream of bytes comes to, as text, when it arrives in two parts. What is
// behind the last of them may be refused early or late: Beast waits for the end of a header that
// came in parts before it looks at it again.
std::string outcome(std::string_view bytes, std::size_t cut) {
  RequestParser parser({1024, 4096});
  std::string log;
  std::size_t begin = 0, end = cut;
  for (int requests = 0; requests < 8;) {
    std::size_t taken = 0;
    const auto state = parser.read(bytes.substr(begin, end - begin), taken);
    if (taken > end - begin) std::abort();
    begin += taken;
    if (state == RequestParser::State::refused) {
      const Refusal& refusal = parser.refusal();
      if (refusal.status < 400 || refusal.detail.empty()) std::abort();
      return log;
    }
    if (state == RequestParser::State::complete) {
      log += std::string(name(parser.request()->method)) + ' ' + parser.request()->target + ' ' +
             parser.request()->body + '\n';
      check_request(parser.request());
      parser.reset();
      ++requests;
    } else if (state == RequestParser::State::need_more) {
      if (end == bytes.size()) return log;
      end = bytes.size();
    }
  }
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t cut = data[0] % (bytes.size() + 1);
  const std::string whole = outcome(bytes, bytes.size());
  if (outcome(bytes, cut) != whole) std::abort();
  if (const auto decoded = percent_decode(bytes, data[0] % 2 == 0)) check_text(*decoded);
  return 0;
}
